// SPDX-License-Identifier: BSD-2-Clause
//! The page `report`, with the capsule behind it.
//!
//! | word | content |
//! |---|---|
//! | 0 | `generation << 8 \| state` (0 starting, 1 ready, 2 quiesced, 3 failed) |
//! | 1 | serial number of the order that *quiesced* answers |
//! | 2 | beat answered last |
//! | 3 | requests completed |
//! | 4 | requests completed with an error |
//! | 5 | reason of *failed*: a number that the driver defines |
//! | 6 | CNTPCT at the first submission to the device |
//! | 7 | CNTPCT at the first completion |
//! | 8 | CNTPCT at the newest completion |
//! | 9 | the driver's version: a number that the driver defines |
//! | 10 | transfer: `serial << 32 \| state << 16 \| value` (0 under way, value per mille; 1 done; 2 failed, value a number that the driver defines) |
//! | 16.. | capsule |

use core::sync::atomic::{AtomicU64, Ordering};

/// First word of the capsule.
pub const CAPSULE: usize = 16;

/// The state that a generation reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum State {
    /// Not ready yet.
    #[default]
    Starting,
    /// It has started the device and serves requests.
    Ready,
    /// It has quiesced, as ordered.
    Quiesced,
    /// It cannot continue.
    Failed,
}

/// How far the transfer of a firmware to the device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transfer {
    /// Under way: so much of it, per mille.
    Working(u16),
    /// The device has it, and has found it good.
    Done,
    /// Not possible. The device runs as before. Holds a number that the driver defines.
    Failed(u16),
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

    /// Reports that the device has started and requests are taken.
    pub fn ready(&self) {
        self.state(State::Ready);
    }

    /// Reports that the generation has quiesced, in answer to the order with this serial number.
    pub fn quiesced(&self, serial: u64) {
        self.store(1, serial);
        self.state(State::Quiesced);
    }

    /// Reports that it cannot continue; `reason` is a number that the driver defines, not 0.
    pub fn failed(&self, reason: u64) {
        self.store(5, reason);
        self.state(State::Failed);
    }

    /// Answers the heartbeat `number`.
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

    /// Reports the version of the driver, a number that the image defines.
    pub fn version(&self, version: u64) {
        self.store(9, version);
    }

    /// Reports how far the transfer with this serial number is.
    pub fn transfer(&self, serial: u32, transfer: Transfer) {
        let (state, value) = match transfer {
            Transfer::Working(per_mille) => (0, per_mille),
            Transfer::Done => (1, 0),
            Transfer::Failed(reason) => (2, reason),
        };
        self.store(10, u64::from(serial) << 32 | state << 16 | u64::from(value));
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

/// `update`'s side. A false report can only end the generation that wrote it.
#[derive(Clone, Copy)]
pub struct ReportView<'a>(&'a [AtomicU64]);

impl<'a> ReportView<'a> {
    /// Takes the whole page.
    #[must_use]
    pub const fn new(words: &'a [AtomicU64]) -> Self {
        Self(words)
    }

    /// Clears the page before a grant, so that no word of an earlier generation is left. The capsule is kept.
    pub fn reset(&self) {
        for word in self.0.iter().take(CAPSULE) {
            word.store(u64::MAX, Ordering::Relaxed);
        }
        for word in self.0.iter().take(CAPSULE).skip(1) {
            word.store(0, Ordering::Release);
        }
    }

    /// The state that `generation` reports; [`State::Starting`] if the page is another generation's or invalid.
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

    /// The number of the heartbeat that was answered last.
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

    /// The version that the driver reports.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.load(9)
    }

    /// How far the transfer with this serial number is.
    #[must_use]
    pub fn transfer(&self, serial: u32) -> Transfer {
        let word = self.load(10);
        if word >> 32 != u64::from(serial) {
            return Transfer::Working(0);
        }
        match word >> 16 & 0xffff {
            1 => Transfer::Done,
            2 => Transfer::Failed(word as u16),
            _ => Transfer::Working((word as u16).min(1000)),
        }
    }

    fn load(&self, index: usize) -> u64 {
        self.0.get(index).map_or(0, |w| w.load(Ordering::Acquire))
    }
}
