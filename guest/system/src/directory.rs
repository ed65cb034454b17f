// SPDX-License-Identifier: BSD-2-Clause
//! The names in a directory.

use core::ffi::CStr;

use crate::{AT_FDCWD, Errno, File, O_RDONLY, call};

const GETDENTS64: usize = 61;
const READLINKAT: usize = 78;
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
        Self::some(&File::open(directory, O_RDONLY)?)
    }

    /// Calls `each` with every name in a directory of any size, until it returns `true`. Returns whether it has.
    ///
    /// # Errors
    /// The kernel's.
    pub fn any(directory: &CStr, mut each: impl FnMut(&str) -> bool) -> Result<bool, Errno> {
        let file = File::open(directory, O_RDONLY)?;
        loop {
            let names = Self::some(&file)?;
            if names.length == 0 {
                return Ok(false);
            }
            if names.iter().any(&mut each) {
                return Ok(true);
            }
        }
    }

    /// The next ones; none at the end.
    fn some(directory: &File) -> Result<Self, Errno> {
        let mut bytes = [0; 4096];
        let address = bytes.as_mut_ptr() as usize;
        let length = call(GETDENTS64, [directory.0, address, bytes.len(), 0, 0, 0])?;
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

/// What a symbolic link names, if it fits and is UTF-8.
pub fn link_target<'a>(link: &CStr, buffer: &'a mut [u8]) -> Option<&'a str> {
    let (link, address) = (link.as_ptr() as usize, buffer.as_mut_ptr() as usize);
    let arguments = [AT_FDCWD, link, address, buffer.len(), 0, 0];
    let length = call(READLINKAT, arguments).ok()?;
    // A target that fills the buffer may be longer.
    let target = buffer.get(..length).filter(|_| length < buffer.len());
    core::str::from_utf8(target?).ok()
}
