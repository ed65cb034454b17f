// SPDX-License-Identifier: BSD-2-Clause
//! The load: files written, synced, and read back past the page cache.

use core::ffi::CStr;
use core::fmt::Write;

use molt_guest::pattern::{self, BLOCK};

use molt_linux_system::{Errno, File, O_DIRECT, O_RDONLY, O_RDWR_CREATE, say};

/// How many files are kept.
const FILES: usize = 16;
/// Blocks in each.
const BLOCKS: usize = 64;

/// Memory that O_DIRECT accepts.
#[repr(align(4096))]
struct Buffer([u8; BLOCK]);

/// The files, and the results of checking them.
pub struct Files {
    directory: &'static str,
    /// How often each was written.
    versions: [u64; FILES],
    buffer: Buffer,
    /// Bytes that were read back as they were written.
    pub bytes_verified: u64,
    /// System calls that failed, and blocks that read back wrong.
    pub errors: u64,
    /// Files written or read.
    pub rounds: u64,
}

impl Files {
    /// In this directory.
    pub fn new(directory: &'static str) -> Self {
        Self {
            directory,
            versions: [0; FILES],
            buffer: Buffer([0; BLOCK]),
            bytes_verified: 0,
            errors: 0,
            rounds: 0,
        }
    }

    /// One step: writes the next file, and checks one that was written before.
    pub fn step(&mut self) {
        let index = (self.rounds as usize) % FILES;
        self.attempt("write", index, Self::write);
        self.attempt("read", index, Self::check);
        let other = (self.rounds as usize * 7 + 3) % FILES;
        if self.versions.get(other).is_some_and(|v| *v > 0) {
            self.attempt("read again", other, Self::check);
        }
        self.rounds += 1;
    }

    /// Checks every file.
    pub fn check_all(&mut self) {
        for index in 0..FILES {
            if self.versions.get(index).is_some_and(|v| *v > 0) {
                self.attempt("read at the end", index, Self::check);
            }
        }
    }

    fn attempt(
        &mut self,
        what: &str,
        index: usize,
        step: fn(&mut Self, usize) -> Result<(), Errno>,
    ) {
        if let Err(Errno(number)) = step(self, index) {
            say!("error: {what} of file {index}: error number {number}");
            self.errors += 1;
        }
    }

    fn open(&self, index: usize, flags: usize) -> Result<File, Errno> {
        let mut path = heapless::String::<64>::new();
        // A longer directory fails to open, below.
        let _ = write!(path, "{}/file{index}\0", self.directory);
        let path = CStr::from_bytes_until_nul(path.as_bytes()).unwrap_or(c"");
        File::open(path, flags)
    }

    fn write(&mut self, index: usize) -> Result<(), Errno> {
        let file = self.open(index, O_RDWR_CREATE)?;
        let version = self.versions.get(index).copied().unwrap_or(0) + 1;
        for block in 0..BLOCKS {
            pattern::fill(&mut self.buffer.0, index as u64, block as u64, version);
            let written = file.write_at(&self.buffer.0, block * BLOCK)?;
            self.errors += u64::from(written != BLOCK);
        }
        file.sync()?;
        if let Some(last) = self.versions.get_mut(index) {
            *last = version;
        }
        Ok(())
    }

    fn check(&mut self, index: usize) -> Result<(), Errno> {
        let file = self.open(index, O_RDONLY | O_DIRECT)?;
        let version = self.versions.get(index).copied().unwrap_or(0);
        for block in 0..BLOCKS {
            self.buffer.0.fill(0);
            let read = file.read_at(&mut self.buffer.0, block * BLOCK)?;
            if read == BLOCK && pattern::is(&self.buffer.0, index as u64, block as u64, version) {
                self.bytes_verified += BLOCK as u64;
            } else {
                say!("error: block {block} of file {index} is not what was written");
                self.errors += 1;
            }
        }
        Ok(())
    }
}
