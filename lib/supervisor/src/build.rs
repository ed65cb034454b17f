// SPDX-License-Identifier: BSD-2-Clause
//! Where the untypeds of each arena are, and what `stage` builds from them.

use molt_control::stage::Command;
use molt_system::MAX_ARENAS;

/// The build under way, and the arenas.
#[derive(Default)]
pub struct Build {
    /// Untypeds of this arena, or what was made of them, may be in the workshop.
    lent: [bool; MAX_ARENAS],
    /// The arena that `stage` builds in, or is about to.
    arena: Option<u8>,
    /// The command, until the arena has been lent.
    command: Option<Command>,
}

impl Build {
    /// Has the arena lent to `stage` for this command.
    pub fn order(&mut self, arena: u8, command: Command) {
        (self.arena, self.command) = (Some(arena), Some(command));
    }

    /// The arena has been lent: the command for `stage`, unless it has been given up meanwhile.
    pub fn lending_done(&mut self) -> Option<Command> {
        self.command.take()
    }

    /// `stage` has built: the arena to take over, unless it has been given up meanwhile.
    pub fn built(&mut self) -> Option<u8> {
        self.arena.take()
    }

    /// What stands in the arena is not wanted any more. Returns whether it was being built.
    pub fn give_up(&mut self, arena: u8) -> bool {
        let building = self.arena == Some(arena);
        if building {
            (self.arena, self.command) = (None, None);
        }
        building
    }

    /// Notes that something of the arena may be in the workshop, or that nothing is.
    pub fn set_lent(&mut self, arena: u8, lent: bool) {
        if let Some(place) = self.lent.get_mut(usize::from(arena)) {
            *place = lent;
        }
    }

    /// Whether something of any of its arenas may be in the workshop.
    pub fn in_workshop(&self) -> bool {
        self.lent.contains(&true)
    }

    /// Whether something of the arena may be in the workshop.
    pub fn lent(&self, arena: u8) -> bool {
        self.lent.get(usize::from(arena)).copied().unwrap_or(false)
    }
}
