// SPDX-License-Identifier: BSD-2-Clause
//! Output through the kernel, which only a debug kernel has. Upstream's `sel4` has the macros in that
//! configuration alone; these are there in every one.
#![allow(
    unsafe_code,
    reason = "upstream does not offer the system call in every configuration"
)]

use core::fmt::{self, Write};

/// `seL4_SysDebugPutChar`: x0 is the character.
const DEBUG_PUT_CHAR: i64 = -12;

struct Kernel;

impl Write for Kernel {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(put);
        Ok(())
    }
}

#[cfg(target_arch = "aarch64")]
fn put(byte: u8) {
    // SAFETY: the kernel prints and changes no memory of the program; registers as of any system call.
    unsafe {
        core::arch::asm!(
            "svc #0",
            inlateout("x0") u64::from(byte) => _,
            lateout("x1") _,
            lateout("x2") _,
            lateout("x3") _,
            lateout("x4") _,
            lateout("x5") _,
            in("x7") DEBUG_PUT_CHAR,
            options(nostack),
        );
    }
}

/// There is no kernel here: the crate builds on the host with what is tested there.
#[cfg(not(target_arch = "aarch64"))]
fn put(byte: u8) {
    panic!("{DEBUG_PUT_CHAR} on the host: {byte}");
}

#[doc(hidden)]
pub fn __debug_print(arguments: fmt::Arguments<'_>) {
    // Any other kernel takes the call for a fault.
    if sel4::sel4_cfg_bool!(PRINTING) {
        let _ = Kernel.write_fmt(arguments);
    }
}

/// Prints on a debug kernel's console; does nothing on others.
#[macro_export]
macro_rules! debug_print {
    ($($arg:tt)*) => {
        $crate::__debug_print(format_args!($($arg)*))
    };
}

/// Prints a line on a debug kernel's console; does nothing on others.
#[macro_export]
macro_rules! debug_println {
    () => {
        $crate::debug_print!("\n")
    };
    ($($arg:tt)*) => {
        $crate::debug_print!("{}\n", format_args!($($arg)*))
    };
}
