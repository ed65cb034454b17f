// SPDX-License-Identifier: BSD-2-Clause
//! The technique `pause`: the guest stands still while a device is away.
//!
//! A pause begins when the gate of such a device closes, and ends when all of them are back or out of service; or at a limit, so
//! that nothing that happens to `update` stops a guest for good. From the limit on, requests are held.

/// A guest's pauses.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pause {
    /// A device of the guest has the technique.
    there: bool,
    /// The guest's virtual counter stands still too.
    hides_time: bool,
    /// Longest pause, in ticks of the counter.
    limit: u64,
    /// When the guest was stopped; `None`: it runs.
    since: Option<u64>,
    /// The limit was reached, and the devices are still away.
    given_up: bool,
    /// What the guest's clock was set back by, in ticks.
    hidden: u64,
    /// The length of the last pause, until it is asked for.
    took: Option<u64>,
}

/// What becomes of the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It goes on as it is.
    Nothing,
    /// It is to be stopped, until this time at the latest.
    Stop(u64),
    /// It goes on. Its counter has to be set back by so many ticks.
    Continue(u64),
}

impl Pause {
    /// Pauses for at most `limit` ticks. `hides_time`: the guest's clock does not show them.
    #[must_use]
    pub const fn new(hides_time: bool, limit: u64) -> Self {
        Self {
            there: true,
            hides_time,
            limit,
            since: None,
            given_up: false,
            hidden: 0,
            took: None,
        }
    }

    /// Whether there is anything to follow.
    pub const fn is_there(&self) -> bool {
        self.there
    }

    /// Whether the guest stands still.
    pub const fn stands(&self) -> bool {
        self.since.is_some()
    }

    /// What the guest's clock was set back by so far, in ticks.
    pub const fn hidden(&self) -> u64 {
        self.hidden
    }

    /// The guest starts anew, and so does its clock.
    pub const fn begin_life(&mut self) {
        self.hidden = 0;
    }

    /// How long the guest stood still the last time, in ticks. Told once.
    pub fn took(&mut self) -> Option<u64> {
        self.took.take()
    }

    /// Follows what the devices want.
    pub fn follow(&mut self, wanted: bool, now: u64) -> Change {
        self.given_up &= wanted;
        match self.since {
            None if wanted && !self.given_up => {
                self.since = Some(now);
                Change::Stop(now.saturating_add(self.limit))
            }
            Some(since) => {
                let took = now.saturating_sub(since);
                self.given_up |= wanted && took >= self.limit;
                if wanted && !self.given_up {
                    return Change::Nothing;
                }
                self.since = None;
                self.took = Some(took);
                let hidden = if self.hides_time { took } else { 0 };
                self.hidden = self.hidden.wrapping_add(hidden);
                Change::Continue(hidden)
            }
            None => Change::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_with_its_cause() {
        let mut pause = Pause::new(true, 100);
        assert_eq!(pause.follow(false, 5), Change::Nothing);
        assert_eq!(pause.follow(true, 10), Change::Stop(110));
        assert_eq!(pause.follow(true, 20), Change::Nothing);
        assert_eq!(pause.follow(false, 40), Change::Continue(30));
        assert_eq!((pause.took(), pause.took()), (Some(30), None));
    }

    #[test]
    fn a_pause_ends_at_its_limit_and_does_not_begin_again_for_the_same_cause() {
        let mut pause = Pause::new(false, 100);
        pause.follow(true, 10);
        assert_eq!(pause.follow(true, 109), Change::Nothing);
        assert_eq!(pause.follow(true, 110), Change::Continue(0));
        assert_eq!(pause.follow(true, 111), Change::Nothing);
        assert_eq!(pause.follow(false, 120), Change::Nothing);
        assert_eq!(pause.follow(true, 130), Change::Stop(230));
    }
}
