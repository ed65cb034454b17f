// SPDX-License-Identifier: BSD-2-Clause
//! PL011 UART (Arm DDI 0183): enough for Linux' earlycon and ttyAMA0. Output only; the transmit FIFO is always empty,
//! nothing is ever received.

use crate::bus::{Device, World};
use crate::syndrome::Width;

/// Size of the register frame.
pub const SIZE: u64 = 0x1000;
/// Longest line that is kept together, in bytes.
pub const LINE: usize = 256;

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

/// The console and the line that is being written.
#[derive(Default)]
pub struct Pl011 {
    plain: [u32; PLAIN.len()],
    mask: u32,
    raw: u32,
    line: heapless::Vec<u8, LINE>,
    complete: bool,
}

impl Pl011 {
    /// The line, if it is complete: ended by a line feed, or as long as a line may be.
    fn line(&self) -> Option<&[u8]> {
        self.complete.then_some(&self.line)
    }

    /// The text of an unfinished line (for a guest that stops).
    fn partial(&self) -> &[u8] {
        &self.line
    }

    /// Begins the next line.
    fn clear_line(&mut self) {
        self.line.clear();
        self.complete = false;
    }

    fn transmit(&mut self, byte: u8) {
        // The FIFO empties at once: the interrupt says that it has passed its threshold.
        self.raw |= TRANSMIT;
        match byte {
            b'\n' => self.complete = true,
            b'\r' | 0 => {}
            byte => {
                // A complete line is taken before the next byte; a full one is complete.
                let _ = self.line.push(byte);
                self.complete |= self.line.is_full();
            }
        }
    }
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
        if let Some(line) = self.line() {
            world.platform.console_line(line);
            self.clear_line();
        }
    }

    fn interrupt(&self) -> bool {
        self.raw & self.mask != 0
    }

    fn end(&mut self, world: &mut World<'_>) {
        if !self.partial().is_empty() {
            world.platform.console_line(self.partial());
            self.clear_line();
        }
    }
}

impl Pl011 {
    fn store(&mut self, offset: u64, value: u32) {
        match offset {
            DR => self.transmit(value as u8),
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
    extern crate std;
    use super::*;
    use std::vec::Vec;

    fn print(uart: &mut Pl011, text: &[u8]) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        for byte in text {
            uart.store(DR, u32::from(*byte));
            if let Some(line) = uart.line() {
                lines.push(line.to_vec());
                uart.clear_line();
            }
        }
        lines
    }

    #[test]
    fn lines_come_whole_and_long_ones_in_pieces() {
        let mut uart = Pl011::default();
        assert_eq!(
            print(&mut uart, b"one\r\n\ntw"),
            [b"one".to_vec(), b"".to_vec()]
        );
        assert_eq!(uart.partial(), b"tw");
        assert_eq!(print(&mut uart, b"o\n"), [b"two".to_vec()]);
        let lines = print(&mut uart, &[b'x'; 2 * LINE + 1]);
        assert_eq!(lines, [[b'x'; LINE], [b'x'; LINE]]);
    }

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
