// SPDX-License-Identifier: BSD-2-Clause
//! A guest's console output, divided into lines: a line of one guest stays whole on the machine's console.

use crate::bus::World;

/// Longest line that is kept together, in bytes.
pub const LINE: usize = 256;

/// The line that is being written.
#[derive(Default)]
pub struct Lines {
    line: heapless::Vec<u8, LINE>,
}

impl Lines {
    /// A byte was written. A line that it ends, or that is as long as a line may be, is passed on.
    pub fn write(&mut self, byte: u8, world: &mut World<'_>) {
        match byte {
            b'\n' => self.pass_on(world),
            b'\r' | 0 => {}
            byte => {
                // A full line has been passed on.
                let _ = self.line.push(byte);
                if self.line.is_full() {
                    self.pass_on(world);
                }
            }
        }
    }

    /// The guest's run has ended: what it has not ended is a line too.
    pub fn end(&mut self, world: &mut World<'_>) {
        if !self.line.is_empty() {
            self.pass_on(world);
        }
    }

    fn pass_on(&mut self, world: &mut World<'_>) {
        world.platform.console_line(&self.line);
        self.line.clear();
    }
}
