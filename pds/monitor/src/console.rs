// SPDX-License-Identifier: BSD-2-Clause
//! `monitor`'s own output. It shares no memory with `serial`, which may be what has faulted. So it has a mapping of the UART
//! of its own, and uses it only to report that the system was made or could not be made, and faults. In a system without
//! `serial` it prints through a debug kernel, or not at all.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU32, Ordering};
use molt_shared::Registers;
use molt_uart::{Kind, Uart};

/// The kind of the UART that is mapped; 0: none.
static KIND: AtomicU32 = AtomicU32::new(0);

/// Writes from now on, to a UART of this kind (a number of [`Kind`]).
pub fn enable(kind: u32) {
    KIND.store(kind, Ordering::Relaxed);
}

/// One line.
pub fn line(arguments: fmt::Arguments<'_>) {
    if let Ok(kind) = Kind::try_from(KIND.load(Ordering::Relaxed)) {
        // SAFETY: `enable` is called when the UART's page has been mapped here, for good.
        let registers =
            unsafe { Registers::new(crate::invocations::UART as usize, molt_uart::REGISTERS) };
        let mut uart = Uart::new(kind, registers);
        uart.enable();
        let _ = writeln!(uart, "monitor: {arguments}");
    } else {
        sel4_extra::debug_println!("monitor: {arguments}");
    }
}
