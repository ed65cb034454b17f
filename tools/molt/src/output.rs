// SPDX-License-Identifier: BSD-2-Clause
//! Printing. Rust's own `println!` panics if nobody reads any more (`| head`) or the disk is full. A program that is used in
//! pipes has to end instead; a QEMU that runs ends with it.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::process;

use crate::progress;

/// As `println!`.
macro_rules! say {
    ($($argument:tt)*) => {
        $crate::output::line(format_args!($($argument)*))
    };
}

/// Like `eprintln!`, but ignores errors: there is nowhere to report them.
macro_rules! complain {
    ($($argument:tt)*) => {
        $crate::output::complaint(format_args!($($argument)*))
    };
}

pub(crate) use {complain, say};

/// The exit code that a shell reports for a program that was ended by a closed pipe: 128 and SIGPIPE.
const BROKEN_PIPE: i32 = 141;

/// One line of the standard output.
pub fn line(text: fmt::Arguments) {
    let written = progress::aside(|| writeln!(io::stdout().lock(), "{text}"));
    let Err(error) = written else {
        return;
    };
    if error.kind() != ErrorKind::BrokenPipe {
        complaint(format_args!("molt: the output cannot be written: {error}"));
        process::exit(1);
    }
    process::exit(BROKEN_PIPE);
}

/// One line of the error output.
pub fn complaint(text: fmt::Arguments) {
    // An error means that the reader has closed it; then it does not need the message.
    let _ = progress::aside(|| writeln!(io::stderr().lock(), "{text}"));
}
