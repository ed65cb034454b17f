// SPDX-License-Identifier: BSD-2-Clause
//! In I/O ports, which the kernel reads and writes for whoever holds their capability.

use molt_shared::Mmio;
use molt_system::SerialBrief;
use sel4_extra::IoPort;

/// The registers: 8 bits each.
pub struct UartRegisters {
    ports: IoPort,
    first: u16,
}

/// The ports that the brief names.
pub fn registers(brief: &SerialBrief) -> UartRegisters {
    UartRegisters {
        ports: IoPort::new(brief.ports as usize),
        first: brief.device as u16,
    }
}

impl Mmio for UartRegisters {
    fn read(&self, offset: usize) -> u32 {
        // All ones, as a port without a device answers.
        self.ports
            .read_8(self.first.wrapping_add(offset as u16))
            .map_or(0xff, u32::from)
    }

    fn write(&self, offset: usize, value: u32) {
        // An error means that the port is not one of the range: nothing to write to.
        let _ = self
            .ports
            .write_8(self.first.wrapping_add(offset as u16), value as u8);
    }
}
