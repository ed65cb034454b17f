// SPDX-License-Identifier: BSD-2-Clause
//! The connection to `flash`, which all components share: what is committed is kept, what is offered and how it ends is
//! recorded, and at the start the committed bundles are recalled.

use heapless::Deque;
use molt_control::store::{About, Caller, Command, Outcome, Recalled, Source};
use molt_doorbell::Reason;
use molt_store::Record;
use molt_system::StageLink;

use crate::Kernel;
use crate::client::PAGE;

/// Commands that wait. One offer of each component is under way at a time, and has few records.
const WAITING: usize = 24;
/// Refusals are not recorded, only counted, when no more than so many places are left.
const KEPT: usize = 12;

/// What a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// A component starts with the list of keys that is recalled.
    RecallKeys(usize),
    /// A component starts with what is recalled.
    Recall(usize),
    /// A component's image is committed, and those that were prepared before.
    Keep(usize),
    /// A component's image is to be committed with the next one.
    Prepare(usize),
    /// A component's list of keys is put in force.
    KeepKeys(usize),
    /// Nobody waits for it.
    Record,
    /// The operator reads the log.
    Read,
}

/// The answer to a command.
pub struct Answer {
    /// What it was for.
    pub task: Task,
    /// How it ended.
    pub result: Result<(), Reason>,
}

/// The connection to `flash`.
pub struct Store<'m> {
    caller: Caller<'m>,
    channel: u32,
    working: Option<Task>,
    waiting: Deque<(Task, Command), WAITING>,
    /// Refusals that were not recorded since the last record.
    left_out: u32,
    /// Why no offer can be taken.
    room: Reason,
    /// What was committed is not known, and will not be.
    given_up: bool,
}

impl<'m> Store<'m> {
    /// With the plan's pages and channel; `None` if the system has no store.
    pub fn new(kernel: &impl Kernel<'m>, link: &StageLink) -> Option<Self> {
        if link.commands == 0 {
            return None;
        }
        let words = |page| kernel.words(page, PAGE);
        Some(Self {
            caller: Caller::new(words(link.commands), words(link.results)),
            channel: link.channel,
            working: None,
            waiting: Deque::new(),
            left_out: 0,
            room: Reason::None,
            given_up: false,
        })
    }

    /// Gives a command, or keeps it until `flash` has done those before it. Returns whether there was room.
    pub fn give(&mut self, kernel: &impl Kernel<'m>, task: Task, command: Command) -> bool {
        let fits = self.waiting.push_back((task, command)).is_ok();
        self.next(kernel);
        fits
    }

    /// Has something recorded of which nobody waits to hear that it is durable. If `refusal`, it may be counted instead.
    pub fn record(&mut self, kernel: &impl Kernel<'m>, kind: u32, about: About, refusal: bool) {
        let room = WAITING - self.waiting.len();
        let about = About {
            left_out: self.left_out,
            ..about
        };
        let task = Task::Record;
        let given =
            (!refusal || room > KEPT) && self.give(kernel, task, Command::Record { kind, about });
        self.left_out = if given {
            0
        } else {
            self.left_out.saturating_add(1)
        };
    }

    /// A refusal is counted, and not recorded.
    pub fn leave_out(&mut self) {
        self.left_out = self.left_out.saturating_add(1);
    }

    /// Why no offer of the component can be taken now; [`Reason::None`] if one can be. While `flash` still reads a bundle of it
    /// that is not waited for any more, no other may be written to `stage`'s slots.
    pub fn refuses(&self, component: usize) -> Reason {
        let waiting = self.waiting.iter().map(|(task, _)| *task);
        let mut tasks = waiting.chain(self.working);
        let keeps = tasks.any(|task| {
            [Task::Keep, Task::Prepare, Task::KeepKeys]
                .map(|of| of(component))
                .contains(&task)
        });
        match self.room {
            _ if self.given_up => Reason::StoreFailed,
            Reason::None if keeps || self.waiting.len() > KEPT => Reason::Busy,
            reason => reason,
        }
    }

    /// `flash` or `stage` does not answer at a start, so that nobody knows what was committed: nothing is offered any more.
    pub fn give_up(&mut self) {
        self.given_up = true;
    }

    /// An answer.
    pub fn answer(&mut self, kernel: &impl Kernel<'m>) -> Option<Answer> {
        let task = self.working?;
        let result = match self.caller.outcome()? {
            Outcome::Done => Ok(()),
            Outcome::Failed(code) => Err(reason(code)),
        };
        self.room = reason(self.caller.room());
        self.working = None;
        self.next(kernel);
        Some(Answer { task, result })
    }

    /// What was recalled, by the answer's result. Valid until the next command is given.
    pub fn recalled(&self, result: Result<(), Reason>) -> Recalled {
        match result {
            Ok(()) => self.caller.recalled(),
            Err(_) => Recalled::nothing(Source::Failed),
        }
    }

    /// The images of the recalled component that have failed. Valid as long.
    pub fn failed(&self) -> impl Iterator<Item = [u64; 4]> {
        self.caller.failed()
    }

    /// How many cells of the log are in use, and the record that was read. Valid as long.
    pub fn read(&self) -> (u32, Option<Record>) {
        let record = self.caller.record().and_then(Record::of_words);
        (self.caller.cells(), record)
    }

    fn next(&mut self, kernel: &impl Kernel<'m>) {
        if self.working.is_none()
            && let Some((task, command)) = self.waiting.pop_front()
        {
            self.working = Some(task);
            self.caller.give(command);
            kernel.notify(self.channel);
        }
    }
}

/// The reason with this number.
fn reason(code: u32) -> Reason {
    Reason::from_u32(code).unwrap_or(Reason::StoreFailed)
}

/// How a component's start stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restoring {
    /// The list of keys that was in force is wanted from `flash`, until this time in us.
    RecallingKeys(u64),
    /// `stage` verifies it, until this time in us.
    VerifyingKeys(Recalled, u64),
    /// The committed bundle is wanted from `flash`, until this time in us.
    Recalling(u64),
    /// `stage` verifies it, until this time in us.
    Verifying(Recalled, u64),
}

impl Restoring {
    /// When it is given up, in us.
    pub fn due(&self) -> u64 {
        match self {
            Self::RecallingKeys(due)
            | Self::VerifyingKeys(_, due)
            | Self::Recalling(due)
            | Self::Verifying(_, due) => *due,
        }
    }
}

/// The word for the trace: why the factory image starts.
pub fn word(source: Source, refused: Option<Reason>) -> &'static str {
    match (source, refused) {
        (Source::Committed, Some(reason)) => reason.word(),
        (source, _) => source.word(),
    }
}
