// SPDX-License-Identifier: BSD-2-Clause
//! `monitor`'s own output. It shares no memory with `serial`, which may be what has faulted. So it has a mapping of the UART
//! of its own, and uses it only to report that the system was made or could not be made, and faults. In a system without
//! `serial` it prints through a debug kernel, or not at all.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use molt_uart::{Kind, Uart};

/// The kind of the UART that is mapped; 0: none.
static KIND: AtomicU32 = AtomicU32::new(0);

/// Its first I/O port, where it has ports.
static PORT: AtomicU64 = AtomicU64::new(0);

/// Writes from now on, to a UART of this kind (a number of [`Kind`]), which was opened (`arch::open_uart`).
pub fn enable(kind: u32, port: u64) {
    PORT.store(port, Ordering::Relaxed);
    KIND.store(kind, Ordering::Relaxed);
}

/// One line.
pub fn line(arguments: fmt::Arguments<'_>) {
    if let Ok(kind) = Kind::try_from(KIND.load(Ordering::Relaxed)) {
        let mut uart = Uart::new(kind, crate::arch::uart(PORT.load(Ordering::Relaxed)));
        uart.enable();
        let _ = writeln!(uart, "monitor: {arguments}");
    } else {
        sel4_extra::debug_println!("monitor: {arguments}");
    }
}
