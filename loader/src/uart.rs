// SPDX-License-Identifier: BSD-2-Clause
//! The PL011 of QEMU's virt board, for the loader's last words. It works as it is after reset.

use core::fmt;

const BASE: usize = 0x900_0000;
/// UARTDR (PL011 TRM, DDI 0183, 3.3.1).
const DATA: *mut u32 = BASE as *mut u32;
/// UARTFR (3.3.3).
const FLAGS: *const u32 = (BASE + 0x18) as *const u32;
/// UARTFR.TXFF: the transmit FIFO is full.
const FULL: u32 = 1 << 5;

/// The UART.
pub struct Uart;

impl fmt::Write for Uart {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if byte == b'\n' {
                put(b'\r');
            }
            put(byte);
        }
        Ok(())
    }
}

fn put(byte: u8) {
    // SAFETY: the registers of the board's UART; mapped as device memory, or the MMU is off, which
    // makes every access a device access.
    unsafe {
        while FLAGS.read_volatile() & FULL != 0 {}
        DATA.write_volatile(u32::from(byte));
    }
}
