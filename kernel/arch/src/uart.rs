// SPDX-License-Identifier: BSD-2-Clause
//! The console. The kernel uses it only to report its own failure; otherwise it belongs to user programs.

use core::fmt;

use crate::layout;

/// UARTDR (PL011 TRM, DDI 0183, 3.3.1).
const DATA: *mut u32 = (layout::OFFSET + layout::UART) as *mut u32;
/// UARTFR (3.3.3).
const FLAGS: *const u32 = (layout::OFFSET + layout::UART + 0x18) as *const u32;
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
    // SAFETY: the UART's registers, mapped as device memory; no user code runs any more.
    unsafe {
        while FLAGS.read_volatile() & FULL != 0 {}
        DATA.write_volatile(u32::from(byte));
    }
}
