// SPDX-License-Identifier: BSD-2-Clause
//! PL011 UART (Arm DDI 0183): enough for Linux' earlycon and ttyAMA0. Output only; the transmit FIFO is always empty,
//! nothing is ever received.

use crate::bus::{Device, World};
use crate::lines::Lines;
use crate::syndrome::Width;

/// Size of the register frame.
pub const SIZE: u64 = 0x1000;

const DR: u64 = 0x000;
const FR: u64 = 0x018;
const IMSC: u64 = 0x038;
const RIS: u64 = 0x03c;
const MIS: u64 = 0x040;
const ICR: u64 = 0x044;
/// Registers that only keep what is written: ILPR, IBRD, FBRD, LCR_H, CR, IFLS.
const PLAIN: [u64; 6] = [0x020, 0x024, 0x028, 0x02c, 0x030, 0x034];
/// Receive and transmit FIFO empty.
const FR_IDLE: u32 = 1 << 7 | 1 << 4;
const TRANSMIT: u32 = 1 << 5;
/// UARTPeriphID0..3 (revision 3) and UARTPCellID0..3.
const IDENTIFICATION: [u8; 8] = [0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1];

/// The console.
#[derive(Default)]
pub struct Pl011 {
    plain: [u32; PLAIN.len()],
    mask: u32,
    raw: u32,
    lines: Lines,
}

impl Device for Pl011 {
    fn size(&self) -> u64 {
        SIZE
    }

    fn read(&mut self, offset: u64, _: Width) -> u64 {
        let plain = PLAIN.iter().position(|plain| *plain == offset);
        u64::from(match offset {
            FR => FR_IDLE,
            IMSC => self.mask,
            RIS => self.raw,
            MIS => self.raw & self.mask,
            0xfe0.. => {
                let n = (offset - 0xfe0) as usize / 4;
                IDENTIFICATION.get(n).copied().unwrap_or(0).into()
            }
            _ => plain.and_then(|n| self.plain.get(n)).copied().unwrap_or(0),
        })
    }

    fn write(&mut self, offset: u64, _: Width, value: u64, world: &mut World<'_>) {
        self.store(offset, value as u32);
        if offset == DR {
            self.lines.write(value as u8, world);
        }
    }

    fn interrupt(&self) -> bool {
        self.raw & self.mask != 0
    }

    fn end(&mut self, world: &mut World<'_>) {
        self.lines.end(world);
    }

    fn reset(&mut self, world: &mut World<'_>) {
        self.lines.end(world);
        *self = Self::default();
    }
}

impl Pl011 {
    fn store(&mut self, offset: u64, value: u32) {
        match offset {
            // The FIFO empties at once: the interrupt says that it has passed its threshold.
            DR => self.raw |= TRANSMIT,
            IMSC => self.mask = value & 0x7ff,
            ICR => self.raw &= !value,
            _ => {
                if let Some(plain) = PLAIN.iter().position(|plain| *plain == offset)
                    && let Some(register) = self.plain.get_mut(plain)
                {
                    *register = value;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transmit_interrupt_follows_a_byte_and_is_cleared() {
        let mut uart = Pl011::default();
        uart.store(IMSC, TRANSMIT);
        assert!(!uart.interrupt());
        uart.store(DR, b'a'.into());
        assert!(uart.interrupt());
        uart.store(ICR, TRANSMIT);
        assert!(!uart.interrupt());
    }
}
