// SPDX-License-Identifier: BSD-2-Clause
//! The guest: its folder, the files that a bundle's part may write, and its terminal.

use std::fmt;

use molt_guest_client::print::Output;
use molt_guest_client::{Obstacle, Place, Value};
use molt_guest_fleet::{Record, Store};
use molt_guest_part::Policy;

use super::Shared;
use super::doorbell::LONGEST;

/// Bytes of an SWUpdate image beside its bundle.
const ARCHIVE: usize = 0x1_0000;

pub struct Folder(pub Shared);

impl Store for Folder {
    type File = Vec<u8>;

    fn record(&mut self, to: &mut [u8]) -> Result<usize, usize> {
        let record = &self.0.borrow().record;
        let count = record.len().min(to.len());
        to[..count].copy_from_slice(&record[..count]);
        Ok(count)
    }

    /// What is kept can be read, and is the same then.
    fn keep(&mut self, record: &[u8]) -> Result<(), usize> {
        let read = Record::read(record).expect("a record that is kept can be read");
        assert_eq!(read.text().as_bytes(), record);
        self.0.borrow_mut().record = record.to_vec();
        Ok(())
    }

    fn begin(&mut self) -> Result<(), usize> {
        self.discard();
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), usize> {
        let file = &mut self.0.borrow_mut().file;
        file.extend(bytes);
        let most = LONGEST as usize + ARCHIVE;
        assert!(file.len() <= most, "{} bytes are stored", file.len());
        Ok(())
    }

    fn fetched(&mut self) -> Result<Vec<u8>, usize> {
        Ok(self.0.borrow().file.clone())
    }

    fn discard(&mut self) {
        self.0.borrow_mut().file.clear();
    }
}

/// A guest whose owner allows one folder.
pub struct Guest;

impl Guest {
    fn file(path: &str) -> Result<(), Obstacle> {
        let inside = path.strip_prefix("/etc/molt/");
        let inside = inside.is_some_and(|name| !name.split('/').any(|part| part == ".."));
        assert!(inside, "{path} is not allowed");
        Ok(())
    }
}

impl Place for Guest {
    fn policy(&self) -> Policy<'static> {
        Policy("file /etc/molt/")
    }

    fn put(&mut self, path: &str, _: u32, _: &[u8]) -> Result<(), Obstacle> {
        Self::file(path)
    }

    fn put_back(&mut self, path: &str) -> Result<(), Obstacle> {
        Self::file(path)
    }

    fn forget(&mut self, path: &str) -> Result<(), Obstacle> {
        Self::file(path)
    }

    fn parameter(&mut self, module: &str, name: &str) -> Result<Value, Obstacle> {
        panic!("parameter {name} of {module} is not allowed");
    }

    fn set_parameter(&mut self, module: &str, name: &str, _: &str) -> Result<(), Obstacle> {
        panic!("parameter {name} of {module} is not allowed");
    }

    fn execute<'a>(&mut self, words: impl Iterator<Item = &'a str>) -> Result<(), Obstacle> {
        panic!("{:?} is not allowed", words.collect::<Vec<_>>());
    }
}

/// A line is one line, and commands a terminal to nothing.
pub struct Lines;

impl Output for Lines {
    fn line(&mut self, line: fmt::Arguments<'_>) {
        let line = line.to_string();
        assert!(!line.contains(char::is_control), "{line:?}");
    }
}
