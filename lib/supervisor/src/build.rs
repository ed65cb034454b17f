// SPDX-License-Identifier: BSD-2-Clause
//! Where the untypeds of each arena are, and which build is under way.

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

    /// The arena has been lent. Returns the command for `stage`, unless the build was given up meanwhile.
    pub fn lending_done(&mut self) -> Option<Command> {
        self.command.take()
    }

    /// `stage` has built. Returns the arena to take over, unless the build was given up meanwhile.
    pub fn built(&mut self) -> Option<u8> {
        self.arena.take()
    }

    /// The generation in the arena is not wanted any more. Returns whether it was being built.
    pub fn give_up(&mut self, arena: u8) -> bool {
        let building = self.arena == Some(arena);
        if building {
            (self.arena, self.command) = (None, None);
        }
        building
    }

    /// Records whether something of the arena may be in the workshop.
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
