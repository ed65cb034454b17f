// SPDX-License-Identifier: BSD-2-Clause
//! Output for people: to a sink of the program's choice, or a debug kernel's console.

use core::{
    fmt::{self, Write},
    sync::atomic::{AtomicPtr, Ordering},
};

/// Holds a `fn(&str)`, or null.
static SINK: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// Sends what [`debug_print!`](crate::debug_print) and the panic handler print to `sink`.
///
/// Without a sink it goes to the kernel's console, which only a debug kernel has.
pub fn set_debug_sink(sink: fn(&str)) {
    SINK.store(sink as *mut (), Ordering::Release);
}

struct Sink(fn(&str));

impl Write for Sink {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        (self.0)(text);
        Ok(())
    }
}

#[doc(hidden)]
pub fn print(arguments: fmt::Arguments<'_>) {
    let sink = SINK.load(Ordering::Acquire);
    if !sink.is_null() {
        // SAFETY: only `set_debug_sink` stores here, and what it stores is such a function.
        let sink = unsafe { core::mem::transmute::<*mut (), fn(&str)>(sink) };
        let _ = Sink(sink).write_fmt(arguments);
    } else {
        sel4::debug_print!("{arguments}");
    }
}

/// Prints to the sink that [`set_debug_sink`](crate::set_debug_sink) has set.
#[macro_export]
macro_rules! debug_print {
    ($($arg:tt)*) => {
        $crate::_private::print(format_args!($($arg)*))
    };
}

/// Prints a line to the sink that [`set_debug_sink`](crate::set_debug_sink) has set.
#[macro_export]
macro_rules! debug_println {
    () => {
        $crate::debug_print!("\n")
    };
    ($($arg:tt)*) => {
        $crate::debug_print!("{}\n", format_args!($($arg)*))
    };
}
