// SPDX-License-Identifier: BSD-2-Clause
//! The connection to `stage`, which all components share: one command at a time.

use crate::Kernel;
use heapless::Deque;
use molt_control::stage::{Caller, Command, Outcome, Refused, Results};
use molt_doorbell::Reason;
use molt_system::{MAX_COMPONENTS, StageLink};

use crate::client::PAGE;

/// The connection to `stage`.
pub struct Stage<'m> {
    caller: Caller<'m>,
    channel: u32,
    /// The component whose command is under way, and whether the command builds.
    working: Option<(usize, bool)>,
    waiting: Deque<(usize, Command), MAX_COMPONENTS>,
    /// The bundle that was refused last.
    refused: Refused,
}

impl<'m> Stage<'m> {
    /// With the plan's pages and channel.
    pub fn new(kernel: &impl Kernel<'m>, link: &StageLink) -> Self {
        Self {
            caller: Caller::new(
                kernel.words(link.commands, PAGE),
                kernel.words(link.results, PAGE),
            ),
            channel: link.channel,
            working: None,
            waiting: Deque::new(),
            refused: Refused::default(),
        }
    }

    /// Gives a command of a component, or keeps it until `stage` is free.
    pub fn give(&mut self, kernel: &impl Kernel<'m>, unit: usize, command: Command) {
        // A machine gives no second command before the first is answered, so there is room.
        let _ = self.waiting.push_back((unit, command));
        self.next(kernel);
    }

    /// Takes back a command of this component that `stage` has not been given yet. Returns whether there was one.
    pub fn withdraw(&mut self, unit: usize) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|(owner, _)| *owner != unit);
        self.waiting.len() < before
    }

    /// An answer, with the component that it is for.
    pub fn answer(&mut self, kernel: &impl Kernel<'m>) -> Option<(usize, Result<Results, Reason>)> {
        let (unit, _) = self.working?;
        let answer = match self.caller.outcome()? {
            Outcome::Working => return None,
            Outcome::Done(results) => Ok(results),
            Outcome::Failed(code, refused) => {
                self.refused = refused;
                Err(Reason::from_u32(code).unwrap_or(Reason::Internal))
            }
        };
        self.working = None;
        self.next(kernel);
        Some((unit, answer))
    }

    /// The bundle that was refused last: of the newest answer, if that is a refusal.
    pub fn refused(&self) -> Refused {
        self.refused
    }

    /// The component that it builds for, also if the build was given up: until it has answered, it uses what is in the
    /// workshop.
    pub fn builds_for(&self) -> Option<usize> {
        self.working
            .filter(|(_, builds)| *builds)
            .map(|(unit, _)| unit)
    }

    /// Progress of the command under way, per mille.
    pub fn progress(&self) -> u32 {
        self.caller.progress() as u32
    }

    fn next(&mut self, kernel: &impl Kernel<'m>) {
        if self.working.is_none()
            && let Some((unit, command)) = self.waiting.pop_front()
        {
            self.working = Some((unit, matches!(command, Command::Build { .. })));
            self.caller.give(command);
            kernel.notify(self.channel);
        }
    }
}
