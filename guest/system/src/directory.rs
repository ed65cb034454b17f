// SPDX-License-Identifier: BSD-2-Clause
//! The names in a directory.

use core::ffi::CStr;

use crate::{Errno, File, O_RDONLY, call};

const GETDENTS64: usize = 61;
/// Where a `struct linux_dirent64` has its length and its name.
const LENGTH: usize = 16;
const NAME: usize = 19;

/// The names in a small directory: as many as fit into so many bytes.
pub struct Names {
    bytes: [u8; 4096],
    length: usize,
}

impl Names {
    /// Reads them.
    ///
    /// # Errors
    /// The kernel's.
    pub fn of(directory: &CStr) -> Result<Self, Errno> {
        let file = File::open(directory, O_RDONLY)?;
        let mut bytes = [0; 4096];
        let address = bytes.as_mut_ptr() as usize;
        let length = call(GETDENTS64, [file.0, address, bytes.len(), 0, 0, 0])?;
        Ok(Self { bytes, length })
    }

    /// In the order in which the file system has them; `.` and `..` are left out.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let mut rest = self.bytes.get(..self.length).unwrap_or(&[]);
        core::iter::from_fn(move || {
            let (low, high) = (*rest.get(LENGTH)?, *rest.get(LENGTH + 1)?);
            let length = usize::from(u16::from_le_bytes([low, high])).max(NAME);
            let (entry, behind) = rest.split_at_checked(length)?;
            rest = behind;
            let name = CStr::from_bytes_until_nul(entry.get(NAME..)?).ok()?;
            Some(name.to_str().unwrap_or(""))
        })
        .filter(|name| !matches!(*name, "" | "." | ".."))
    }
}
