// SPDX-License-Identifier: BSD-2-Clause
//! Bytes in memory, a file's or zeros, for a while.

use core::ops::Deref;
use core::{ptr, slice};

use crate::{Errno, File, MAP_PRIVATE, MMAP, PROT_READ, call};

const MUNMAP: usize = 215;
const MAP_ANONYMOUS: usize = 0x20;

/// Zeros, or all of a file that nobody changes or shortens, until it is dropped.
pub struct Mapping {
    address: usize,
    length: usize,
}

impl Mapping {
    /// Maps it.
    ///
    /// # Errors
    /// The kernel's.
    pub fn of(file: &File) -> Result<Self, Errno> {
        let length = file.size()?;
        let address = match length {
            0 => 0,
            length => call(MMAP, [0, length, PROT_READ, MAP_PRIVATE, file.0, 0])?,
        };
        Ok(Self { address, length })
    }

    /// Maps so many zeros, more than 0. As long as they are only read, they take no memory but page tables.
    ///
    /// # Errors
    /// The kernel's.
    pub fn zeros(length: usize) -> Result<Self, Errno> {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS;
        let address = call(MMAP, [0, length, PROT_READ, flags, usize::MAX, 0])?;
        Ok(Self { address, length })
    }
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        if self.length == 0 {
            return &[];
        }
        // SAFETY: mapped, so many bytes, until this is dropped.
        unsafe { slice::from_raw_parts(ptr::with_exposed_provenance(self.address), self.length) }
    }
}

impl AsRef<[u8]> for Mapping {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if self.length != 0 {
            // Nothing can be done about it.
            let _ = call(MUNMAP, [self.address, self.length, 0, 0, 0, 0]);
        }
    }
}
