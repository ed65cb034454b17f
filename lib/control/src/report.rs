// SPDX-License-Identifier: BSD-2-Clause
//! The page of the report, with the capsule behind it.
//!
//! | word | content |
//! |---|---|
//! | 0 | `generation << 8 \| state` (0 starting, 1 ready, 2 quiesced, 3 failed) |
//! | 1 | serial number of the order that *quiesced* answers |
//! | 2 | beat answered last |
//! | 3 | requests completed |
//! | 4 | of them, with an error |
//! | 5 | reason of *failed*, the driver's own number |
//! | 6 | CNTPCT at the first submission to the device |
//! | 7 | CNTPCT at the first completion |
//! | 8 | CNTPCT at the newest completion |
//! | 9 | the driver's version, its own number |
//! | 16.. | capsule |

use core::sync::atomic::{AtomicU64, Ordering};

/// First word of the capsule.
pub const CAPSULE: usize = 16;

/// What a generation says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum State {
    /// Not ready yet.
    #[default]
    Starting,
    /// It has the device and serves.
    Ready,
    /// It has let go, as ordered.
    Quiesced,
    /// It cannot go on.
    Failed,
}

/// The driver's side.
pub struct Report<'a> {
    words: &'a [AtomicU64],
    generation: u64,
    completions: u64,
    errors: u64,
}

impl<'a> Report<'a> {
    /// Takes the whole page over for `generation` and writes an empty report. The capsule is left as it is.
    #[must_use]
    pub fn new(words: &'a [AtomicU64], generation: u64) -> Self {
        let report = Self {
            words,
            generation,
            completions: 0,
            errors: 0,
        };
        for index in 1..CAPSULE {
            report.store(index, 0);
        }
        report.state(State::Starting);
        report
    }

    /// Says that the device is driven and requests are taken.
    pub fn ready(&self) {
        self.state(State::Ready);
    }

    /// Says that the generation has let go, in answer to the order of this serial number.
    pub fn quiesced(&self, serial: u64) {
        self.store(1, serial);
        self.state(State::Quiesced);
    }

    /// Says that it cannot go on; `reason` is the driver's own number, not 0.
    pub fn failed(&self, reason: u64) {
        self.store(5, reason);
        self.state(State::Failed);
    }

    /// Gives the sign of life `number`.
    pub fn beat(&self, number: u64) {
        self.store(2, number);
    }

    /// Counts a submission to the device at CNTPCT `now`. Returns whether it was the first: then signal `update`.
    pub fn submitted(&mut self, now: u64) -> bool {
        let first = self.load(6) == 0;
        if first {
            self.store(6, now.max(1));
        }
        first
    }

    /// Counts a completion at CNTPCT `now`. Returns whether it was the first: then signal `update`.
    pub fn completed(&mut self, error: bool, now: u64) -> bool {
        let first = self.completions == 0;
        self.completions += 1;
        self.errors += u64::from(error);
        self.store(4, self.errors);
        if first {
            self.store(7, now.max(1));
        }
        self.store(8, now.max(1));
        self.store(3, self.completions);
        first
    }

    /// Says which version of the driver this is: the image's own number.
    pub fn version(&self, version: u64) {
        self.store(9, version);
    }

    /// The words of the capsule.
    #[must_use]
    pub fn capsule(&self) -> &'a [AtomicU64] {
        self.words.get(CAPSULE..).unwrap_or(&[])
    }

    fn state(&self, state: State) {
        let number = match state {
            State::Starting => 0,
            State::Ready => 1,
            State::Quiesced => 2,
            State::Failed => 3,
        };
        self.store(0, self.generation << 8 | number);
    }

    fn store(&self, index: usize, value: u64) {
        if let Some(word) = self.words.get(index) {
            word.store(value, Ordering::Release);
        }
    }

    fn load(&self, index: usize) -> u64 {
        self.words
            .get(index)
            .map_or(0, |w| w.load(Ordering::Relaxed))
    }
}

/// `update`'s side. Nothing here is believed further than what it can cost: a wrong report ends its own generation.
#[derive(Clone, Copy)]
pub struct ReportView<'a>(&'a [AtomicU64]);

impl<'a> ReportView<'a> {
    /// Takes the whole page.
    #[must_use]
    pub const fn new(words: &'a [AtomicU64]) -> Self {
        Self(words)
    }

    /// Empties the page before a grant: an earlier generation's words are gone. The capsule stays.
    pub fn reset(&self) {
        for word in self.0.iter().take(CAPSULE) {
            word.store(u64::MAX, Ordering::Relaxed);
        }
        for word in self.0.iter().take(CAPSULE).skip(1) {
            word.store(0, Ordering::Release);
        }
    }

    /// What `generation` says of itself; [`State::Starting`] if the page is another's or makes no sense.
    #[must_use]
    pub fn state(&self, generation: u64) -> State {
        let word = self.load(0);
        if word >> 8 != generation {
            return State::Starting;
        }
        match word & 0xff {
            1 => State::Ready,
            2 => State::Quiesced,
            3 => State::Failed,
            _ => State::Starting,
        }
    }

    /// Serial number of the order that *quiesced* answers.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.load(1)
    }

    /// The sign of life given last.
    #[must_use]
    pub fn beat(&self) -> u64 {
        self.load(2)
    }

    /// Requests completed.
    #[must_use]
    pub fn completions(&self) -> u64 {
        self.load(3)
    }

    /// Of them, those with an error.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.load(4)
    }

    /// Reason of [`State::Failed`].
    #[must_use]
    pub fn fatal(&self) -> u64 {
        self.load(5)
    }

    /// CNTPCT at the first submission; 0 if there was none.
    #[must_use]
    pub fn first_submission(&self) -> u64 {
        self.load(6)
    }

    /// CNTPCT at the first completion; 0 if there was none.
    #[must_use]
    pub fn first_completion(&self) -> u64 {
        self.load(7)
    }

    /// CNTPCT at the newest completion; 0 if there was none.
    #[must_use]
    pub fn last_completion(&self) -> u64 {
        self.load(8)
    }

    /// The version that the driver says it is.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.load(9)
    }

    fn load(&self, index: usize) -> u64 {
        self.0.get(index).map_or(0, |w| w.load(Ordering::Acquire))
    }
}
