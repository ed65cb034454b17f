// SPDX-License-Identifier: BSD-2-Clause
//! Lines on the board's console.

use core::fmt;

use crate::arch;

/// The longest line.
const LENGTH: usize = 1024;

/// A line that is being made. What comes after [`LENGTH`] bytes is left out.
struct Line {
    bytes: [u8; LENGTH],
    used: usize,
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let rest = &mut self.bytes[self.used..];
        let fits = rest.len().min(text.len());
        rest[..fits].copy_from_slice(&text.as_bytes()[..fits]);
        self.used += fits;
        Ok(())
    }
}

/// Prints them. The whole line is made first: to print may need the kernel, whose answers then lie in the IPC buffer that what
/// is printed may have to be read from.
pub fn print(arguments: fmt::Arguments<'_>) {
    let mut line = Line {
        bytes: [0; LENGTH],
        used: 0,
    };
    let _ = fmt::write(&mut line, arguments);
    line.bytes[..line.used].iter().copied().for_each(arch::put);
}

macro_rules! println {
    ($($arg:tt)*) => {
        $crate::console::print(format_args!("{}\n", format_args!($($arg)*)))
    };
}
pub(crate) use println;
