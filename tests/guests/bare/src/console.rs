// SPDX-License-Identifier: BSD-2-Clause
//! Lines on the PL011 (Arm DDI 0183).

use core::fmt::{self, Write};
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Address of the data register; set once the device tree was read, QEMU's and the VMM's place before.
static DATA: AtomicUsize = AtomicUsize::new(0x0900_0000);

/// The console.
pub struct Console;

/// Sets the UART's address.
pub fn set_base(address: usize) {
    DATA.store(address, Ordering::Relaxed);
}

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let data = ptr::with_exposed_provenance_mut::<u32>(DATA.load(Ordering::Relaxed));
        for byte in text.bytes() {
            // SAFETY: the PL011's data register, which the translation table maps as a device.
            unsafe { data.write_volatile(byte.into()) };
        }
        Ok(())
    }
}

/// Prints one line.
macro_rules! say {
    ($($argument:tt)*) => {{
        use core::fmt::Write as _;
        // The console cannot fail.
        let _ = writeln!($crate::console::Console, $($argument)*);
    }};
}
pub(crate) use say;
