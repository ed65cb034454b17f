// SPDX-License-Identifier: BSD-2-Clause
//! The distributor's registers (GICv2 architecture specification, 4.3). They are accessed as words; IPRIORITYR, ITARGETSR
//! and the SGI pending registers also as bytes. Reserved registers read as zero and ignore writes.

use super::{Gic, INTERRUPTS, bit};
use crate::syndrome::Width;

/// Size of the distributor's frame.
pub const SIZE: u64 = 0x1000;

const CTLR: u64 = 0x000;
const TYPER: u64 = 0x004;
const IIDR: u64 = 0x008;
const SGIR: u64 = 0xf00;
const ICPIDR2: u64 = 0xfe8;
/// No interrupt below 32 is disabled by reset state alone, but SGIs are always edge-triggered.
const SGIS: u128 = 0xffff;

impl Gic {
    /// Reads a register.
    #[must_use]
    pub fn read(&self, offset: u64, width: Width) -> u64 {
        if let Some(first) = byte_registers(offset, width) {
            return self.read_bytes(offset, first, width);
        }
        if width != Width::Word {
            return 0;
        }
        u64::from(match offset {
            CTLR => self.enabled_groups,
            TYPER => u32::from(INTERRUPTS / 32 - 1),
            IIDR => 0x43b,
            ICPIDR2 => 0x2b,
            0x080..0x100 => word(self.group1, offset),
            0x100..0x200 => word(self.enabled, offset),
            0x200..0x300 => word(self.pending(), offset),
            0x300..0x400 => word(self.placed | self.active, offset),
            0xc00..0xd00 => self.configuration(offset),
            _ => 0,
        })
    }

    /// Writes a register.
    pub fn write(&mut self, offset: u64, width: Width, value: u64) {
        if let Some(first) = byte_registers(offset, width) {
            self.write_bytes(offset, first, width, value);
            return;
        }
        if width != Width::Word {
            return;
        }
        let set = place(value as u32, offset);
        match offset {
            CTLR => self.enabled_groups = value as u32 & 3,
            0x080..0x100 => self.group1 = self.group1 & !place(u32::MAX, offset) | set,
            0x100..0x180 => self.enabled |= set,
            0x180..0x200 => self.enabled &= !set,
            // SGIs become pending only through SGIR and SPENDSGIR (4.3.7).
            0x200..0x280 => self.latched |= set & !SGIS,
            0x280..0x300 => self.latched &= !(set & !SGIS),
            0x300..0x380 => self.active |= set & !self.placed,
            0x380..0x400 => self.active &= !set,
            0xc00..0xd00 => self.configure(offset, value as u32),
            SGIR => self.generate_sgi(value as u32),
            _ => {}
        }
    }
}

impl Gic {
    /// Two bits for each interrupt, of which the higher says "edge".
    fn configuration(&self, offset: u64) -> u32 {
        let first = (offset as u16 & 0xfc) * 4;
        (0..16).fold(0, |word, i| {
            let edge = self.edge & bit(first + i) != 0;
            word | u32::from(edge) << (2 * i + 1)
        })
    }

    fn configure(&mut self, offset: u64, value: u32) {
        let first = (offset as u16 & 0xfc) * 4;
        for i in (0..16).filter(|i| first + i >= 16) {
            let bit = bit(first + i);
            if value >> (2 * i + 1) & 1 == 1 {
                self.edge |= bit
            } else {
                self.edge &= !bit
            }
        }
    }

    /// One vCPU: filter 0 with CPU 0 in the list, and filter 2, mean itself; filter 1 means nobody.
    fn generate_sgi(&mut self, value: u32) {
        let (filter, list) = (value >> 24 & 3, value >> 16 & 0xff);
        if (filter == 0 && list & 1 == 1) || filter == 2 {
            self.latched |= bit(value as u16 & 15);
        }
    }

    fn read_bytes(&self, offset: u64, first: u64, width: Width) -> u64 {
        (0..width as u64).fold(0, |value, i| {
            let n = (offset - first + i) as usize;
            let byte = match first {
                0x400 => self.priority.get(n).copied().unwrap_or(0),
                // Read-only and zero on a uniprocessor, but for the banked ones, which say "CPU 0" (4.3.12).
                0x800 if n < 32 => 1,
                // A source CPU's bit for each pending SGI.
                0xf10 | 0xf20 => u8::from(self.latched & bit(n as u16) != 0),
                _ => 0,
            };
            value | u64::from(byte) << (8 * i)
        })
    }

    fn write_bytes(&mut self, offset: u64, first: u64, width: Width, value: u64) {
        for i in 0..width as u64 {
            let n = (offset - first + i) as usize;
            let byte = (value >> (8 * i)) as u8;
            match first {
                0x400 => {
                    // 32 levels of priority: the virtual CPU interface has five bits.
                    if let Some(priority) = self.priority.get_mut(n) {
                        *priority = byte & 0xf8;
                    }
                }
                0xf10 if byte & 1 == 1 => self.latched &= !bit(n as u16),
                0xf20 if byte & 1 == 1 => self.latched |= bit(n as u16),
                _ => {}
            }
        }
    }
}

/// The first register of the byte-accessible block that `offset` is in.
fn byte_registers(offset: u64, width: Width) -> Option<u64> {
    let first = match offset {
        0x400..0x800 => 0x400,
        0x800..0xc00 => 0x800,
        0xf10..0xf20 => 0xf10,
        0xf20..0xf30 => 0xf20,
        _ => return None,
    };
    matches!(width, Width::Byte | Width::Word).then_some(first)
}

fn word(bits: u128, offset: u64) -> u32 {
    match offset as u32 & 0x7f {
        n @ 0..16 => (bits >> (n / 4 * 32)) as u32,
        _ => 0,
    }
}

fn place(word: u32, offset: u64) -> u128 {
    match offset as u32 & 0x7f {
        n @ 0..16 => u128::from(word) << (n / 4 * 32),
        _ => 0,
    }
}
