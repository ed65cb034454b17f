// SPDX-License-Identifier: BSD-2-Clause
//! Files that take another's place in one step.

use core::ffi::CStr;

use crate::{AT_FDCWD, Errno, File, O_RDWR_CREATE, call};

const MKDIRAT: usize = 34;
const UNLINKAT: usize = 35;
const LINKAT: usize = 37;
const RENAMEAT: usize = 38;
const FCHMOD: usize = 52;
/// A file that is there is emptied.
pub const O_TRUNC: usize = 0o1000;

/// Makes a file with these permission bits, or fills one that is there, and waits until it is on the disk.
///
/// # Errors
/// The kernel's.
pub fn write_file(path: &CStr, mode: u32, contents: &[u8]) -> Result<(), Errno> {
    let file = File::open(path, O_RDWR_CREATE | O_TRUNC)?;
    call(FCHMOD, [file.0, mode as usize, 0, 0, 0, 0])?;
    let mut rest = contents;
    while !rest.is_empty() {
        let count = file.write(rest)?;
        rest = rest.get(count..).unwrap_or_default();
    }
    file.sync()
}

/// Gives a file a second name, which is not there yet.
///
/// # Errors
/// The kernel's.
pub fn link(path: &CStr, second: &CStr) -> Result<(), Errno> {
    let (path, second) = (path.as_ptr() as usize, second.as_ptr() as usize);
    call(LINKAT, [AT_FDCWD, path, AT_FDCWD, second, 0, 0]).map(drop)
}

/// Gives a file another name; a file that has this name is gone.
///
/// # Errors
/// The kernel's.
pub fn rename(path: &CStr, to: &CStr) -> Result<(), Errno> {
    let (path, to) = (path.as_ptr() as usize, to.as_ptr() as usize);
    call(RENAMEAT, [AT_FDCWD, path, AT_FDCWD, to, 0, 0]).map(drop)
}

/// Removes a file's name.
///
/// # Errors
/// The kernel's.
pub fn unlink(path: &CStr) -> Result<(), Errno> {
    call(UNLINKAT, [AT_FDCWD, path.as_ptr() as usize, 0, 0, 0, 0]).map(drop)
}

/// Makes a directory that only this user can read.
///
/// # Errors
/// The kernel's; also where it is there.
pub fn make_directory(path: &CStr) -> Result<(), Errno> {
    call(MKDIRAT, [AT_FDCWD, path.as_ptr() as usize, 0o700, 0, 0, 0]).map(drop)
}
