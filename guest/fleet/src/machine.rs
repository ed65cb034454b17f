// SPDX-License-Identifier: BSD-2-Clause
//! What is to be done, by what is known and by what the server or the doorbell says. Nothing here does anything.

use molt_doorbell::port::State;
use molt_doorbell::{Reason, Status};

use crate::ddi::Action;
use crate::record::Record;

/// What the server wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Nothing.
    Nothing,
    /// This update.
    Update(Action),
    /// That an update is taken back, which is an action of its own.
    Cancel {
        /// The cancellation.
        action: Action,
        /// The update.
        stops: Action,
    },
}

/// What to do about it, for a record that is neither [`Record::Confirmed`] nor one of an end that the server does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Wait,
    /// The last action is of no use any more: one with its number is another one.
    Forget,
    /// Fetch and offer, after so many offers were put off; whether one of them may be committed.
    Take(u32, bool),
    /// Tell once more what came of it: nothing is offered twice.
    Tell,
    /// Agree to the cancellation, and forget.
    Agree,
    /// Reject it: the update has ended.
    Reject,
}

/// The step for what the server wants.
#[must_use]
pub fn next(record: &Record, order: &Order) -> Step {
    match (record, order) {
        (Record::None, Order::Nothing) => Step::Wait,
        (_, Order::Nothing) => Step::Forget,
        (Record::Ended { action, .. }, Order::Update(wanted)) if action == wanted => Step::Tell,
        (
            Record::Taken {
                action,
                attempts,
                unsure,
            },
            Order::Update(wanted),
        ) if action == wanted => Step::Take(*attempts, *unsure),
        (_, Order::Update(_)) => Step::Take(0, false),
        (Record::Ended { action, .. }, Order::Cancel { stops, .. }) if action == stops => {
            Step::Reject
        }
        (_, Order::Cancel { .. }) => Step::Agree,
    }
}

/// What to do about an offer that was to be confirmed when the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Confirm it: that was not done.
    Confirm,
    /// Wait for its end.
    Follow,
    /// It has ended in this state.
    Ended,
    /// It is committed: that is known by the sequence number.
    Committed,
    /// It was not confirmed; offer it again.
    Again,
    /// Nobody knows; offer it again. If it is committed, it is refused as old.
    Unsure,
}

/// The step for such an offer, by the doorbell's state and the sequence number that is committed, if it is known.
#[must_use]
pub fn left(
    component: u32,
    handle: u64,
    from: u64,
    to: u64,
    state: &State,
    committed: Option<u64>,
) -> Left {
    let status = Status::from_u32(state.status.get());
    let reason = Reason::from_u32(state.reason.get());
    let is_ours = state.component.get() == component;
    match status {
        Some(Status::Offered) if is_ours && state.handle.get() == handle => Left::Confirm,
        Some(Status::Refused) if is_ours && was_not_confirmed(reason) => Left::Again,
        Some(status) if is_ours && status.is_final() => Left::Ended,
        // Another offer takes its place only when it has ended.
        Some(Status::Idle | Status::Offered) => by_number(from, to, committed),
        Some(_) if is_ours => Left::Follow,
        _ => by_number(from, to, committed),
    }
}

fn by_number(from: u64, to: u64, committed: Option<u64>) -> Left {
    match to > from && committed == Some(to) {
        true => Left::Committed,
        false => Left::Unsure,
    }
}

fn was_not_confirmed(reason: Option<Reason>) -> bool {
    matches!(reason, Some(Reason::Expired | Reason::Cancelled))
}

/// Whether an offer that was refused for this reason can be made again later.
#[must_use]
pub fn is_put_off(reason: Option<Reason>) -> bool {
    was_not_confirmed(reason) || matches!(reason, Some(Reason::Busy | Reason::TooManyOffers))
}

/// Seconds until the next try, after so many failures in a row: from 5 s on twice as many each time, up to 10 minutes, and up to
/// a quarter more, so that a fleet does not come all at once.
#[must_use]
pub fn back_off(failures: u32, id: &str) -> u32 {
    let seconds = (5_u32 << failures.min(7)).min(600);
    let hash = id.bytes().fold(failures, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    seconds + (hash >> 8) % (seconds / 4 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Words;

    fn action(text: &str) -> Action {
        Action::new(text).unwrap()
    }

    #[test]
    fn what_has_ended_is_never_taken_again_while_the_server_shows_it() {
        let ended = Record::Ended {
            action: action("1"),
            success: false,
            told: true,
            words: Words::new(),
        };
        let taken = Record::Taken {
            action: action("1"),
            attempts: 2,
            unsure: true,
        };
        let cancel = |stops| Order::Cancel {
            action: action("9"),
            stops: action(stops),
        };
        for (record, order, step) in [
            (&Record::None, Order::Nothing, Step::Wait),
            (
                &Record::None,
                Order::Update(action("1")),
                Step::Take(0, false),
            ),
            (&Record::None, cancel("1"), Step::Agree),
            (&taken, Order::Nothing, Step::Forget),
            (&taken, Order::Update(action("1")), Step::Take(2, true)),
            (&taken, Order::Update(action("2")), Step::Take(0, false)),
            (&taken, cancel("1"), Step::Agree),
            (&ended, Order::Nothing, Step::Forget),
            (&ended, Order::Update(action("1")), Step::Tell),
            (&ended, Order::Update(action("2")), Step::Take(0, false)),
            (&ended, cancel("1"), Step::Reject),
            (&ended, cancel("2"), Step::Agree),
        ] {
            assert_eq!(next(record, &order), step, "{record:?} {order:?}");
        }
    }

    #[test]
    fn an_offer_that_was_left_is_confirmed_once_or_judged_by_its_end() {
        let state = |component: u32, status: Status, reason: Reason, handle: u64| State {
            component: component.into(),
            status: (status as u32).into(),
            reason: (reason as u32).into(),
            handle: handle.into(),
            ..State::default()
        };
        for (state, committed, expected) in [
            (
                state(1, Status::Offered, Reason::None, 7),
                None,
                Left::Confirm,
            ),
            (
                state(1, Status::Offered, Reason::None, 8),
                Some(3),
                Left::Unsure,
            ),
            (
                state(1, Status::Confirmed, Reason::None, 0),
                None,
                Left::Follow,
            ),
            (
                state(1, Status::Probation, Reason::None, 0),
                Some(3),
                Left::Follow,
            ),
            (
                state(1, Status::Refused, Reason::Expired, 0),
                None,
                Left::Again,
            ),
            (
                state(1, Status::Refused, Reason::BadSignature, 0),
                None,
                Left::Ended,
            ),
            (
                state(1, Status::Committed, Reason::None, 0),
                None,
                Left::Ended,
            ),
            (
                state(1, Status::RolledBack, Reason::Fault, 0),
                Some(3),
                Left::Ended,
            ),
            // The machine was started anew, or another device's update came after it.
            (
                state(0, Status::Idle, Reason::None, 0),
                Some(4),
                Left::Committed,
            ),
            (
                state(0, Status::Idle, Reason::None, 0),
                Some(3),
                Left::Unsure,
            ),
            (state(0, Status::Idle, Reason::None, 0), None, Left::Unsure),
            (
                state(2, Status::Committed, Reason::None, 0),
                Some(4),
                Left::Committed,
            ),
            (
                state(2, Status::Probation, Reason::None, 0),
                Some(3),
                Left::Unsure,
            ),
        ] {
            assert_eq!(left(1, 7, 3, 4, &state, committed), expected, "{state:?}");
        }
    }

    #[test]
    fn tries_become_rarer_and_are_spread() {
        for failures in 0..40 {
            let least = (5_u64 << failures.min(20)).min(600) as u32;
            let seconds = back_off(failures, "guest-1");
            assert!(
                (least..=least + least / 4).contains(&seconds),
                "{failures}: {seconds}"
            );
        }
        assert_ne!(back_off(9, "guest-1"), back_off(9, "guest-2"));
    }
}
