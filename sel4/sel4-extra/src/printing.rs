// SPDX-License-Identifier: BSD-2-Clause
//! Output through the kernel, which only a debug kernel provides. Upstream's `sel4` has the macros only in that
//! configuration; these exist in every one and do nothing elsewhere.

use core::fmt::{self, Write};

use crate::system_call;

/// `seL4_SysDebugPutChar`: the first register is the character.
const DEBUG_PUT_CHAR: i32 = -12;

struct Kernel;

impl Write for Kernel {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            system_call(DEBUG_PUT_CHAR, [byte.into(), 0, 0, 0, 0, 0, 0]);
        }
        Ok(())
    }
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
