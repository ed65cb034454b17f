// SPDX-License-Identifier: BSD-2-Clause
//! Reads random bytes, a few at a time: each read must return as many as requested, and must differ from the last one.

use core::ffi::CStr;

use molt_linux_system::{Errno, File, O_RDONLY, say};

/// Bytes of one read: so many that two reads in a row are never the same by chance.
const BYTES: usize = 32;
/// Reads in one step: with a slow source the program waits for it most of the time.
const READS: usize = 3;

/// A file of random bytes, and the results of reading it.
pub struct Entropy {
    file: Option<File>,
    last: [u8; BYTES],
    /// Bytes that were read.
    pub bytes: u64,
    /// Reads that failed, were short, or returned what cannot be random.
    pub errors: u64,
}

impl Entropy {
    /// Opens this file; `-` means that there is none.
    pub fn open(path: &'static CStr) -> Self {
        let mut this = Self {
            file: None,
            // A read that wrote nothing is not to be taken for a good one.
            last: [0; BYTES],
            bytes: 0,
            errors: 0,
        };
        if path != c"-" {
            match File::open(path, O_RDONLY) {
                Ok(file) => this.file = Some(file),
                Err(error) => this.fail(format_args!("{path:?} cannot be opened: {error:?}")),
            }
        }
        this
    }

    /// Some reads.
    pub fn step(&mut self) {
        for _ in 0..READS {
            self.read();
        }
    }

    fn read(&mut self) {
        let Some(file) = &self.file else {
            return;
        };
        let mut bytes = [0; BYTES];
        match file.read(&mut bytes) {
            Ok(BYTES) if bytes == [0; BYTES] || bytes == self.last => {
                self.fail(format_args!("{BYTES} bytes that are not random"));
            }
            Ok(BYTES) => self.bytes += BYTES as u64,
            Ok(count) => self.fail(format_args!("{count} random bytes in place of {BYTES}")),
            Err(Errno(number)) => {
                self.fail(format_args!("reading random bytes: error number {number}"));
            }
        }
        self.last = bytes;
    }

    fn fail(&mut self, what: core::fmt::Arguments<'_>) {
        say!("error: {what}");
        self.errors += 1;
    }
}
