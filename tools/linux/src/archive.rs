// SPDX-License-Identifier: BSD-2-Clause
//! A cpio archive in the format of an initramfs (`newc`): the same content gives the same bytes.

use std::io;

use cpio::NewcBuilder;
use cpio::newc::trailer;

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const FILE: u32 = 0o100_644;
const CHARACTER_DEVICE: u32 = 0o020_600;

/// An archive that is being written.
#[derive(Default)]
pub struct Archive {
    bytes: Vec<u8>,
    inodes: u32,
}

impl Archive {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a folder.
    pub fn directory(&mut self, name: &str) -> io::Result<()> {
        let entry = self.entry(name, DIRECTORY);
        self.add(entry, &[])
    }

    /// Adds a file.
    pub fn file(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let entry = self.entry(name, FILE);
        self.add(entry, content)
    }

    /// Adds a file that can be run.
    pub fn program(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let entry = self.entry(name, PROGRAM);
        self.add(entry, content)
    }

    /// Adds a character device.
    pub fn character_device(&mut self, name: &str, major: u32, minor: u32) -> io::Result<()> {
        let entry = self
            .entry(name, CHARACTER_DEVICE)
            .rdev_major(major)
            .rdev_minor(minor);
        self.add(entry, &[])
    }

    /// The whole archive.
    pub fn finish(mut self) -> io::Result<Vec<u8>> {
        trailer(&mut self.bytes)?;
        Ok(self.bytes)
    }

    /// Owner, times and inode numbers are of no machine and no moment.
    fn entry(&mut self, name: &str, mode: u32) -> NewcBuilder {
        self.inodes += 1;
        NewcBuilder::new(name)
            .ino(self.inodes)
            .nlink(1)
            .mode(mode)
            .uid(0)
            .gid(0)
            .mtime(0)
    }

    fn add(&mut self, entry: NewcBuilder, content: &[u8]) -> io::Result<()> {
        let size = u32::try_from(content.len())
            .map_err(|_| io::Error::other("a file of an archive is smaller than 4 GiB"))?;
        let mut writer = entry.write(&mut self.bytes, size);
        io::Write::write_all(&mut writer, content)?;
        writer.finish()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let mut archive = Archive::new();
        archive.directory("d").unwrap();
        archive.file("d/a", b"abc").unwrap();
        archive.program("d/b", &[7; 4097]).unwrap();
        let bytes = archive.finish().unwrap();
        let files: Vec<_> = cpio_reader::iter_files(&bytes)
            .map(|entry| (entry.name().to_owned(), entry.file().len()))
            .collect();
        let expected = [("d", 0), ("d/a", 3), ("d/b", 4097)].map(|(n, l)| (n.to_owned(), l));
        assert_eq!(files, expected);
    }
}
