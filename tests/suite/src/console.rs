// SPDX-License-Identifier: BSD-2-Clause
//! The board's PL011, as far as printing needs it.

use core::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
};

/// Physical address of QEMU virt's first UART.
pub const PADDR: usize = 0x0900_0000;
/// Where it is mapped.
pub const VADDR: usize = 0x7f_0000_0000;

/// Data register.
const DR: usize = 0x00;
/// Flag register, and its bit for a full transmit FIFO.
const FR: usize = 0x18;
const TXFF: u32 = 1 << 5;

/// The mapped registers, or 0 while they are not.
static REGISTERS: AtomicUsize = AtomicUsize::new(0);

/// Prints to the UART from now on.
///
/// # Safety
/// The UART's page must be mapped at [`VADDR`], and stay so.
pub unsafe fn enable() {
    REGISTERS.store(VADDR, Ordering::Relaxed);
}

struct Uart(usize);

impl Uart {
    fn put(&mut self, byte: u8) {
        // SAFETY: `enable`'s contract: these are the UART's registers.
        unsafe {
            let flags = core::ptr::with_exposed_provenance::<u32>(self.0 + FR);
            while flags.read_volatile() & TXFF != 0 {}
            let data = core::ptr::with_exposed_provenance_mut::<u32>(self.0 + DR);
            data.write_volatile(byte.into());
        }
    }
}

impl fmt::Write for Uart {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| self.put(byte));
        Ok(())
    }
}

pub fn print(arguments: fmt::Arguments<'_>) {
    let registers = REGISTERS.load(Ordering::Relaxed);
    if registers != 0 {
        let _ = fmt::write(&mut Uart(registers), arguments);
    }
}

macro_rules! println {
    ($($arg:tt)*) => {
        $crate::console::print(format_args!("{}\n", format_args!($($arg)*)))
    };
}
pub(crate) use println;
