// SPDX-License-Identifier: BSD-2-Clause
//! A console on a port, in Linux `/dev/hvc0`. What the guest sends waits in its own queue while `serial` has no room, and what is
//! typed waits with `serial` while the guest has no buffer.

use molt_terminal::Terminal;

use crate::bus::World;
use crate::virtio::port::Port;

/// The console.
pub struct TerminalPort<'a> {
    terminal: Terminal<'a>,
    /// The guest's bytes were refused.
    refused: bool,
    /// `serial` waits for room that there is now.
    tell: bool,
}

impl<'a> TerminalPort<'a> {
    /// The port at the end of which this console is.
    #[must_use]
    pub const fn new(terminal: Terminal<'a>) -> Self {
        Self {
            terminal,
            refused: false,
            tell: false,
        }
    }
}

impl Port for TerminalPort<'_> {
    fn name(&self) -> &str {
        "console"
    }

    fn is_console(&self) -> bool {
        true
    }

    fn close(&mut self) {
        self.tell |= self.terminal.drop_input();
    }

    fn take(&mut self, bytes: &[u8], world: &mut World<'_>) -> usize {
        let mut taken = 0;
        let mut tell = false;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty())
            && !self.terminal.is_full()
        {
            let (count, wanted) = self.terminal.write(rest);
            taken += count;
            tell |= wanted;
        }
        self.refused = taken < bytes.len();
        if tell {
            world.platform.notify_serial();
        }
        taken
    }

    fn give(&mut self, room: &mut [u8]) -> usize {
        let (count, tell) = self.terminal.read(room);
        self.tell |= tell;
        count
    }

    fn given(&mut self, world: &mut World<'_>) {
        if core::mem::take(&mut self.tell) {
            world.platform.notify_serial();
        }
    }

    fn poll(&mut self, world: &mut World<'_>) -> bool {
        self.given(world);
        self.terminal.has_input() || self.refused && !self.terminal.is_full()
    }

    fn end(&mut self, world: &mut World<'_>) {
        if self.terminal.end() {
            world.platform.notify_serial();
        }
    }

    fn reset(&mut self, world: &mut World<'_>) {
        self.end(world);
        self.refused = false;
        self.given(world);
    }
}
