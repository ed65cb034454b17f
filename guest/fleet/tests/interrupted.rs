// SPDX-License-Identifier: BSD-2-Clause
//! The program dies at each of its steps, and is started again: every action is reported once it has ended, and confirmed once.

mod world;

use molt_doorbell::{Reason, Status};
use world::server::Fleet;
use world::{World, bundle};

/// What happens between the program's death and its next start.
#[derive(Clone, Copy, Debug)]
enum Between {
    /// Nothing: it is started at once.
    Nothing,
    /// What was under way has ended, and an offer that was not confirmed has expired.
    Time,
    /// The whole machine was started anew: the doorbell knows nothing any more but what is committed.
    Start,
}

/// Lets the program die after so many steps, and again after as many; then it runs to the end. Whether it died at all.
fn dies(after: u32, again: u32, between: Between, end: (Status, Reason)) -> bool {
    let (world, fleet) = (World::default(), Fleet::with(17, &bundle(4, None)));
    world.doorbell.borrow_mut().ends = [end; 8].into();
    let mut died = false;
    for steps in [Some(after), Some(again), None, None, None] {
        world.kept.borrow_mut().life = steps;
        let result = world.agent(&fleet.url, None).cycle();
        died |= steps.is_some() && result.is_err();
        let mut doorbell = world.doorbell.borrow_mut();
        match (steps, between) {
            (None, _) | (_, Between::Nothing) => {}
            (_, Between::Time) => doorbell.time_passes(),
            (_, Between::Start) => doorbell.starts_anew(),
        }
    }
    let success = end.0 == Status::Committed;
    let how = if success { "success" } else { "failure" };
    let at = format!("{after}, {again}, {between:?}, {end:?}: {}", world.lines());
    // The server had closed it the first time.
    assert_eq!(fleet.closed(), [("17".to_owned(), how.to_owned())], "{at}");
    let doorbell = world.doorbell.borrow();
    // Where the doorbell remembers, nothing is confirmed twice.
    match between {
        Between::Start if !success => assert!(doorbell.confirmed.len() <= 3, "{at}"),
        _ => assert_eq!(doorbell.confirmed.len(), 1, "{at}"),
    }
    assert_eq!(doorbell.sequence, if success { 4 } else { 3 });
    died
}

#[test]
fn an_action_is_confirmed_once_and_reported_wherever_the_program_dies() {
    for between in [Between::Nothing, Between::Time, Between::Start] {
        for end in [
            (Status::Committed, Reason::None),
            (Status::RolledBack, Reason::Heartbeat),
            (Status::Refused, Reason::BadSignature),
        ] {
            let mut after = 0;
            while dies(after, u32::MAX, between, end) {
                for again in [2, after] {
                    dies(after, again, between, end);
                }
                after += 1;
            }
            // There are many such places: messages to both sides, and records.
            assert!(after > 20, "{after}");
        }
    }
}
