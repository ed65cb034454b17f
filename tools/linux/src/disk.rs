// SPDX-License-Identifier: BSD-2-Clause
//! A guest's share of the disk: an ext4 file system, made before the run and checked after it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Command;

use crate::error::Error;
use crate::packages::run;

/// Where in the disk's image the file system is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filesystem {
    /// Its first byte.
    pub start: u64,
    /// Its bytes.
    pub size: u64,
}

/// The same file system every time: its identifiers are of no machine and no moment.
const IDENTIFIER: &str = "6d6f6c74-0000-4000-8000-000000000001";

/// Makes an empty ext4 there; `scratch` is a file that may be overwritten.
pub fn format(image: &Path, place: Filesystem, scratch: &Path) -> Result<(), Error> {
    File::create(scratch)
        .and_then(|file| file.set_len(place.size))
        .map_err(Error::file(scratch))?;
    let mut mkfs = Command::new("mkfs.ext4");
    mkfs.args(["-q", "-F", "-U", IDENTIFIER])
        .args(["-E", &format!("hash_seed={IDENTIFIER},lazy_itable_init=0")])
        .env("E2FSPROGS_FAKE_TIME", "1")
        .arg(scratch);
    run(mkfs, "mkfs.ext4", "e2fsprogs")?;
    copy(scratch, 0, image, place.start, place.size)?;
    fs::remove_file(scratch).map_err(Error::file(scratch))
}

/// Checks the file system without mending it: nothing may be wrong with it.
pub fn check(image: &Path, place: Filesystem, scratch: &Path) -> Result<(), Error> {
    File::create(scratch).map_err(Error::file(scratch))?;
    copy(image, place.start, scratch, 0, place.size)?;
    let mut fsck = Command::new("fsck.ext4");
    fsck.args(["-f", "-n"]).arg(scratch);
    run(fsck, "fsck.ext4", "e2fsprogs")?;
    fs::remove_file(scratch).map_err(Error::file(scratch))
}

fn copy(from: &Path, at: u64, to: &Path, to_at: u64, size: u64) -> Result<(), Error> {
    let mut source = File::open(from).map_err(Error::file(from))?;
    let mut target = OpenOptions::new()
        .write(true)
        .open(to)
        .map_err(Error::file(to))?;
    source
        .seek(SeekFrom::Start(at))
        .map_err(Error::file(from))?;
    target
        .seek(SeekFrom::Start(to_at))
        .map_err(Error::file(to))?;
    sparse(&mut source.take(size), &mut target).map_err(Error::file(to))?;
    let end = target.stream_position().map_err(Error::file(to))?;
    if target.metadata().map_err(Error::file(to))?.len() < end {
        target.set_len(end).map_err(Error::file(to))?;
    }
    Ok(())
}

/// Copies, and leaves holes for zeroes: the target is new.
fn sparse(source: &mut impl Read, target: &mut File) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = source.read(&mut buffer)?;
        let chunk = buffer.get(..read).unwrap_or_default();
        if chunk.is_empty() {
            return Ok(());
        }
        if chunk.iter().all(|byte| *byte == 0) {
            target.seek(SeekFrom::Current(read as i64))?;
        } else {
            target.write_all(chunk)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Filesystem = Filesystem {
        start: 1 << 20,
        size: 8 << 20,
    };

    #[test]
    fn a_file_system_that_was_spoilt_is_found_out() {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("disk");
        let scratch = folder.path().join("scratch");
        File::create(&image).unwrap().set_len(16 << 20).unwrap();
        format(&image, PLACE, &scratch).unwrap();
        check(&image, PLACE, &scratch).unwrap();
        let mut file = OpenOptions::new().write(true).open(&image).unwrap();
        // Within the group descriptors, the second block.
        file.seek(SeekFrom::Start(PLACE.start + 1024 * 2)).unwrap();
        file.write_all(&[0xa5; 512]).unwrap();
        drop(file);
        assert!(matches!(
            check(&image, PLACE, &scratch),
            Err(Error::Failed { .. })
        ));
    }
}
