// SPDX-License-Identifier: BSD-2-Clause
//! Lines on the standard output.

use core::fmt::{self, Write};

/// Prints one line, at once and whole: others print on the same console.
#[macro_export]
macro_rules! say {
    ($($argument:tt)*) => {
        $crate::print_line(format_args!($($argument)*))
    };
}

/// The function behind [`say!`].
pub fn print_line(line: fmt::Arguments<'_>) {
    let mut text = heapless::String::<480>::new();
    // What is longer is cut.
    let _ = write!(text, "{line}");
    if text.push('\n').is_err() {
        text.pop();
        let _ = text.push('\n');
    }
    crate::print(&text);
}
