// SPDX-License-Identifier: BSD-2-Clause
//! Output through the kernel, which only a debug kernel has.

use core::fmt::{self, Write};

use crate::sys::{Regs, syscall, trap};

struct Kernel;

impl Write for Kernel {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            let mut regs = Regs {
                cptr: byte.into(),
                ..Regs::default()
            };
            trap(syscall::DEBUG_PUT_CHAR, &mut regs);
        }
        Ok(())
    }
}

#[doc(hidden)]
pub fn debug_print_helper(arguments: fmt::Arguments<'_>) {
    // Any other kernel takes the call for a fault.
    if sel4_config::consts::PRINTING {
        let _ = Kernel.write_fmt(arguments);
    }
}

/// Prints on a debug kernel's console; does nothing on others.
#[macro_export]
macro_rules! debug_print {
    ($($arg:tt)*) => {
        $crate::_private::debug_print_helper(format_args!($($arg)*))
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
