// SPDX-License-Identifier: BSD-2-Clause
//! `monitor`'s last words. It shares no memory, and `serial` may be what has died: so it has a mapping of the UART of its own
//! and uses it only to report a fault, or that the system could not be made. In a system without `serial` it has a debug
//! kernel's console or none.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, Ordering};
use molt_shared::Registers;

/// Data register of the PL011 (Arm DDI 0183, 3.3.1).
const DATA: usize = 0x00;
/// Flag register (3.3.3), with its bit "transmit FIFO full".
const FLAGS: usize = 0x18;
const FULL: u32 = 1 << 5;

static MAPPED: AtomicBool = AtomicBool::new(false);

/// Writes from now on.
pub fn enable() {
    MAPPED.store(true, Ordering::Relaxed);
}

struct Uart(Registers);

impl Write for Uart {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            // A full FIFO empties by itself: the UART needs no driver for that.
            while self.0.read(FLAGS) & FULL != 0 {}
            self.0.write(DATA, byte.into());
        }
        Ok(())
    }
}

/// One line.
pub fn line(arguments: fmt::Arguments<'_>) {
    if MAPPED.load(Ordering::Relaxed) {
        // SAFETY: `enable` is called when the UART's page has been mapped here, for good.
        let mut uart = Uart(unsafe { Registers::new(crate::invocations::UART as usize, 0x1000) });
        let _ = writeln!(uart, "monitor: {arguments}");
    } else {
        sel4::debug_println!("monitor: {arguments}");
    }
}
