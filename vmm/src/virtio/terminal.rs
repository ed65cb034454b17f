// SPDX-License-Identifier: BSD-2-Clause
//! A console on a port (in Linux `/dev/hvc0`): output only, as on the UART; its lines go to the machine's console under the
//! guest's name.

use crate::bus::World;
use crate::lines::Lines;
use crate::virtio::port::Port;

/// The console.
#[derive(Default)]
pub struct Terminal(Lines);

impl Port for Terminal {
    fn name(&self) -> &str {
        "console"
    }

    fn is_console(&self) -> bool {
        true
    }

    fn take(&mut self, bytes: &[u8], world: &mut World<'_>) -> usize {
        for byte in bytes {
            self.0.write(*byte, world);
        }
        bytes.len()
    }

    fn give(&mut self, _: &mut [u8]) -> usize {
        0
    }

    fn poll(&mut self, _: &mut World<'_>) -> bool {
        false
    }

    fn end(&mut self, world: &mut World<'_>) {
        self.0.end(world);
    }

    fn reset(&mut self, world: &mut World<'_>) {
        self.0.end(world);
    }
}
