// SPDX-License-Identifier: BSD-2-Clause
//! Commands of `update` to `flash`, and the answers: one page in each direction (module `call`).
//!
//! *Recall* delivers the committed bundle of a component, for `stage` to verify. *Record* appends a record to the log. *Keep*
//! writes a bundle to the slot that does not boot and commits it. *Revert* commits what was committed before. *Read* delivers a record of
//! the log. *Prepare* writes a bundle to the slot that does not boot and commits nothing: the *keep* that follows commits it together with its own.
//! *Recall keys* and *keep keys* do with a component's list of keys what *recall* and *keep* do with its bundle. An answer *done*
//! means that it is durable.
//!
//! | command word | content | | answer word | content |
//! |---|---|---|---|---|
//! | 0 | serial number | | 0 | `serial << 8 \| outcome` (2 done, 3 failed) |
//! | 1 | kind: 1 recall, 2 record, 3 keep, 4 revert, 5 read, 6 recall keys, 7 keep keys, 8 prepare | | 1 | reason of *failed* (`molt-doorbell`'s number) |
//! | 2 | component | | 2 | reason for which no offer can be taken; 0: there is room |
//! | 3 | client, or all ones | | 3 | recall: a [`Source`] as a number |
//! | 4 | record: its kind (`molt_store`'s number); keep: how many *prepare* before it belong to it | | 4 | recall: the sequence number of the bundle or list |
//! | 5 | time since power-on, in us | | 5 | recall: the highest sequence number ever committed |
//! | 6 | sequence number | | 6 | recall: bytes of the bundle or list |
//! | 7 | reason | | 7 | recall: how many images have failed |
//! | 8 | refusals left out before | | 8..12 | recall: SHA-256 of the image |
//! | 9..13 | SHA-256 of the image, little endian words | | 16.. | recall: SHA-256 of each image that has failed |
//! | 13 | keep, prepare: bundle slot | | 12 | recall: 1: the component is frozen |
//! | 14 | keep, prepare: bytes of the bundle or list | | 13 | read: cells of the log that are in use |
//! | 16..20, 20..24 | SHA-256 of the manifest, and of a bundle that was refused | | | |
//! | 15 | read: a cell of the log | | 14 | read: 1: there is a record in it |
//! | | | | 16..48 | read: the record |

use core::sync::atomic::AtomicU64;

use crate::call::{Call, narrow};

/// Most failed images that an answer has.
pub const FAILED: usize = 32;
/// The answer's word from which on they are.
const FAILED_AT: usize = 16;
/// Words of a command.
const WORDS: usize = 24;
/// Words of a record of the log.
pub const RECORD: usize = 32;

/// A command to `flash`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Deliver the committed bundle of the component.
    Recall {
        /// Component's index in the plan.
        component: u32,
    },
    /// Deliver the list of keys that is in force for the component.
    RecallKeys {
        /// Component's index in the plan.
        component: u32,
    },
    /// Append a record.
    Record {
        /// `molt_store`'s number of its kind.
        kind: u32,
        /// What it says.
        about: About,
    },
    /// Commit the bundle in one of `stage`'s slots.
    Keep {
        /// Bundle slot.
        slot: u32,
        /// Bytes of the bundle.
        length: u64,
        /// So many bundles were prepared right before, and are committed with it in one instant.
        others: u32,
        /// What its record says.
        about: About,
    },
    /// Write the bundle in one of `stage`'s slots, for the *keep* that follows.
    Prepare {
        /// Bundle slot.
        slot: u32,
        /// Bytes of the bundle.
        length: u64,
        /// What its record says.
        about: About,
    },
    /// Put the list of keys in one of `stage`'s slots in force.
    KeepKeys {
        /// Bundle slot.
        slot: u32,
        /// Bytes of the list.
        length: u64,
        /// What its record says.
        about: About,
    },
    /// Deliver the record in a cell of the log.
    Read {
        /// The cell; one beyond the last: only how many there are.
        cell: u32,
    },
    /// Commit the image that was committed before, or the factory's if it was that.
    Revert {
        /// That image.
        about: About,
    },
}

/// What a record is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Component's index in the plan.
    pub component: u32,
    /// Client's index, if there is one.
    pub client: Option<u32>,
    /// Time since power-on, in us.
    pub time_us: u64,
    /// Sequence number of the bundle, 0 if it is not known.
    pub sequence: u64,
    /// SHA-256 of the image, little endian words; zeros if it is not known.
    pub image: [u64; 4],
    /// SHA-256 of the bundle's manifest; zeros if it is not known.
    pub manifest: [u64; 4],
    /// SHA-256 of a bundle that was refused; zeros if it is not known.
    pub bundle: [u64; 4],
    /// `molt-doorbell`'s number of the reason.
    pub reason: u32,
    /// So many refusals before it are not recorded.
    pub left_out: u32,
}

/// What was recalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Source {
    /// The committed bundle.
    Committed = 0,
    /// Nothing was ever committed.
    Nothing = 1,
    /// The log is broken: what was committed is not known.
    Broken = 2,
    /// The committed bundle is damaged.
    Damaged = 3,
    /// The flash does not work.
    Failed = 4,
}

impl Source {
    const ALL: [Self; 5] = [
        Self::Committed,
        Self::Nothing,
        Self::Broken,
        Self::Damaged,
        Self::Failed,
    ];

    /// One word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Committed => "none",
            Self::Nothing => "nothing-committed",
            Self::Broken => "store-broken",
            Self::Damaged => "bundle-damaged",
            Self::Failed => "flash-failed",
        }
    }
}

/// The results of *recall* and *recall keys*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recalled {
    /// What was found; if it is not [`Source::Committed`], nothing was delivered.
    pub source: Source,
    /// Sequence number of the bundle or list, also of one that is damaged.
    pub sequence: u64,
    /// The highest sequence number that was ever committed.
    pub floor: u64,
    /// Bytes of the bundle or list.
    pub length: u64,
    /// SHA-256 of its image.
    pub image: [u64; 4],
    /// The operator has frozen the component.
    pub frozen: bool,
}

impl Recalled {
    /// Nothing, for this reason.
    #[must_use]
    pub const fn nothing(source: Source) -> Self {
        Self {
            source,
            sequence: 0,
            floor: 0,
            length: 0,
            image: [0; 4],
            frozen: false,
        }
    }
}

/// The answer to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Done,
    /// Not possible, with `molt-doorbell`'s number of the reason.
    Failed(u32),
}

/// `update`'s side.
pub struct Caller<'a>(Call<'a>);

impl<'a> Caller<'a> {
    /// Takes both pages.
    #[must_use]
    pub const fn new(commands: &'a [AtomicU64], answers: &'a [AtomicU64]) -> Self {
        Self(Call::new(commands, answers))
    }

    /// Gives a command; `flash` is to be notified afterwards. Only when the last one has been answered.
    pub fn give(&mut self, command: Command) {
        self.0.give(words(command));
    }

    /// The answer to the newest command, when there is one.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        match self.0.code()? {
            2 => Some(Outcome::Done),
            3 => Some(Outcome::Failed(narrow(self.0.answer(1)))),
            _ => None,
        }
    }

    /// `molt-doorbell`'s number of the reason for which no offer can be taken; 0 if there is room. Valid after an answer.
    #[must_use]
    pub fn room(&self) -> u32 {
        narrow(self.0.answer(2))
    }

    /// What was recalled. Valid after the answer to *recall*.
    #[must_use]
    pub fn recalled(&self) -> Recalled {
        let source = narrow(self.0.answer(3));
        let mut all = Source::ALL.into_iter();
        Recalled {
            source: all.find(|s| *s as u32 == source).unwrap_or(Source::Failed),
            sequence: self.0.answer(4),
            floor: self.0.answer(5),
            length: self.0.answer(6),
            image: self.digest(8),
            frozen: self.0.answer(12) == 1,
        }
    }

    /// The images of the component that have failed. Valid after the answer to *recall*.
    pub fn failed(&self) -> impl Iterator<Item = [u64; 4]> {
        let count = usize::try_from(self.0.answer(7)).unwrap_or(0).min(FAILED);
        (0..count).map(|n| self.digest(FAILED_AT + 4 * n))
    }

    /// How many cells of the log are in use. Valid after the answer to *read*.
    #[must_use]
    pub fn cells(&self) -> u32 {
        narrow(self.0.answer(13))
    }

    /// The record that was read, if there is one in its cell. Valid as long.
    #[must_use]
    pub fn record(&self) -> Option<[u64; RECORD]> {
        let words = core::array::from_fn(|n| self.0.answer(FAILED_AT + n));
        (self.0.answer(14) == 1).then_some(words)
    }

    fn digest(&self, at: usize) -> [u64; 4] {
        [0, 1, 2, 3].map(|n| self.0.answer(at + n))
    }
}

/// `flash`'s side.
pub struct Worker<'a>(Call<'a>);

impl<'a> Worker<'a> {
    /// Takes both pages.
    #[must_use]
    pub const fn new(commands: &'a [AtomicU64], answers: &'a [AtomicU64]) -> Self {
        Self(Call::new(commands, answers))
    }

    /// The next command, if there is a new one. An invalid one is answered *failed* with reason 127 and skipped.
    pub fn take(&mut self) -> Option<Command> {
        if !self.0.take() {
            return None;
        }
        let word = |i| self.0.command(i);
        let component = narrow(word(2));
        let about = About {
            component,
            client: u32::try_from(word(3)).ok(),
            time_us: word(5),
            sequence: word(6),
            reason: narrow(word(7)),
            left_out: narrow(word(8)),
            image: [9, 10, 11, 12].map(word),
            manifest: [16, 17, 18, 19].map(word),
            bundle: [20, 21, 22, 23].map(word),
        };
        match word(1) {
            1 => Some(Command::Recall { component }),
            2 => Some(Command::Record {
                kind: narrow(word(4)),
                about,
            }),
            3 => Some(Command::Keep {
                slot: narrow(word(13)),
                length: word(14),
                others: narrow(word(4)),
                about,
            }),
            8 => Some(Command::Prepare {
                slot: narrow(word(13)),
                length: word(14),
                about,
            }),
            4 => Some(Command::Revert { about }),
            6 => Some(Command::RecallKeys { component }),
            7 => Some(Command::KeepKeys {
                slot: narrow(word(13)),
                length: word(14),
                about,
            }),
            5 => Some(Command::Read {
                cell: narrow(word(15)),
            }),
            _ => {
                self.answer(Outcome::Failed(127), 127);
                None
            }
        }
    }

    /// Puts down what was recalled, before [`Self::answer`].
    pub fn recalled(&self, recalled: &Recalled, failed: impl Iterator<Item = [u64; 4]>) {
        let words = [
            recalled.source as u64,
            recalled.sequence,
            recalled.floor,
            recalled.length,
        ];
        self.0.put(3, words);
        self.0.put(8, recalled.image);
        self.0.put(12, [recalled.frozen.into()]);
        let mut count = 0;
        for digest in failed.take(FAILED) {
            self.0.put(FAILED_AT + 4 * count, digest);
            count += 1;
        }
        self.0.put(7, [count as u64]);
    }

    /// Puts down what was read, before [`Self::answer`].
    pub fn read(&self, cells: u32, record: Option<[u64; RECORD]>) {
        self.0.put(13, [cells.into(), record.is_some().into()]);
        self.0.put(FAILED_AT, record.unwrap_or([0; RECORD]));
    }

    /// Answers the command; `update` is to be notified afterwards. `room`: see [`Caller::room`].
    pub fn answer(&self, outcome: Outcome, room: u32) {
        let (code, reason) = match outcome {
            Outcome::Done => (2, 0),
            Outcome::Failed(reason) => (3, reason),
        };
        self.0.put(1, [reason.into(), room.into()]);
        self.0.finish(code);
    }
}

/// A command's words from 1 on.
fn words(command: Command) -> [u64; WORDS - 1] {
    let cell = match command {
        Command::Read { cell } => cell,
        _ => 0,
    };
    let of = |component| About {
        component,
        ..About::default()
    };
    let (number, kind, slot, length, about) = match command {
        Command::Read { .. } => (5, 0, 0, 0, About::default()),
        Command::Recall { component } => (1, 0, 0, 0, of(component)),
        Command::RecallKeys { component } => (6, 0, 0, 0, of(component)),
        Command::KeepKeys {
            slot,
            length,
            about,
        } => (7, 0, slot, length, about),
        Command::Record { kind, about } => (2, kind, 0, 0, about),
        Command::Keep {
            slot,
            length,
            others,
            about,
        } => (3, others, slot, length, about),
        Command::Prepare {
            slot,
            length,
            about,
        } => (8, 0, slot, length, about),
        Command::Revert { about } => (4, 0, 0, 0, about),
    };
    let [a, b, c, d] = about.image;
    let [e, f, g, h] = about.manifest;
    let [i, j, k, l] = about.bundle;
    [
        number,
        about.component.into(),
        about.client.map_or(u64::MAX, u64::from),
        kind.into(),
        about.time_us,
        about.sequence,
        about.reason.into(),
        about.left_out.into(),
        a,
        b,
        c,
        d,
        slot.into(),
        length,
        cell.into(),
        e,
        f,
        g,
        h,
        i,
        j,
        k,
        l,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> [AtomicU64; 512] {
        [const { AtomicU64::new(0) }; 512]
    }

    const ABOUT: About = About {
        component: 2,
        client: Some(1),
        time_us: 77,
        sequence: 9,
        image: [1, 2, 3, 4],
        manifest: [7, 8, 9, 10],
        bundle: [11, 12, 13, 14],
        reason: 5,
        left_out: 6,
    };

    #[test]
    fn each_command_arrives_as_it_was_given() {
        let (commands, answers) = (page(), page());
        let mut caller = Caller::new(&commands, &answers);
        let mut worker = Worker::new(&commands, &answers);
        let (kind, slot, length, about) = (4, 3, 1000, ABOUT);
        let nobody = About {
            client: None,
            ..ABOUT
        };
        for command in [
            Command::Recall { component: 3 },
            Command::Record { kind, about },
            Command::Record {
                kind,
                about: nobody,
            },
            Command::Keep {
                slot,
                length,
                others: 2,
                about,
            },
            Command::Prepare {
                slot,
                length,
                about,
            },
            Command::Revert { about },
            Command::Read { cell: 7 },
            Command::RecallKeys { component: 3 },
            Command::KeepKeys {
                slot,
                length,
                about,
            },
        ] {
            assert_eq!(worker.take(), None);
            caller.give(command);
            assert_eq!(caller.outcome(), None);
            assert_eq!(worker.take(), Some(command));
            worker.answer(Outcome::Done, 80);
            assert_eq!(caller.outcome(), Some(Outcome::Done));
            assert_eq!(caller.room(), 80);
        }
        caller.give(Command::Recall { component: 3 });
        worker.take();
        worker.answer(Outcome::Failed(81), 0);
        assert_eq!(caller.outcome(), Some(Outcome::Failed(81)));
    }

    #[test]
    fn what_was_read_arrives() {
        let (commands, answers) = (page(), page());
        let caller = Caller::new(&commands, &answers);
        let worker = Worker::new(&commands, &answers);
        let record = core::array::from_fn(|n| n as u64 + 5);
        for record in [Some(record), None] {
            worker.read(9, record);
            assert_eq!((caller.cells(), caller.record()), (9, record));
        }
    }

    #[test]
    fn what_was_recalled_arrives() {
        let (commands, answers) = (page(), page());
        let caller = Caller::new(&commands, &answers);
        let worker = Worker::new(&commands, &answers);
        let recalled = Recalled {
            source: Source::Damaged,
            sequence: 4,
            floor: 5,
            length: 6,
            image: [7; 4],
            frozen: true,
        };
        let failed = (0..40).map(|n| [n; 4]);
        worker.recalled(&recalled, failed.clone());
        assert_eq!(caller.recalled(), recalled);
        assert!(caller.failed().eq(failed.take(FAILED)));
    }
}
