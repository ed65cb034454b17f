// SPDX-License-Identifier: BSD-2-Clause
//! The folder in which the last action and its bundle are kept.

use molt_guest_fleet::Store;
use molt_linux_system::{
    self as system, Errno, File, Mapping, O_RDONLY, O_RDWR_CREATE, O_TRUNC, as_path,
    make_directory, rename, unlink, write_file,
};

const RECORD: &str = "action";
const NEW: &str = "action.new";
const BUNDLE: &str = "bundle";
/// Only this user may read what is kept.
const MODE: u32 = 0o600;
/// No such file or directory.
const ENOENT: usize = 2;
/// `EEXIST`
const EXISTS: Errno = Errno(17);
/// `ENAMETOOLONG`
const NAME_TOO_LONG: usize = 36;

/// The folder.
pub struct Folder<'a> {
    path: &'a str,
    bundle: Option<File>,
}

type Path = heapless::String<512>;

impl<'a> Folder<'a> {
    /// Makes it where it is not there.
    ///
    /// # Errors
    /// The system's number.
    pub fn open(path: &'a str) -> Result<Self, usize> {
        let folder = Self { path, bundle: None };
        let name = system::terminated::<512>(format_args!("{path}")).ok_or(NAME_TOO_LONG)?;
        match make_directory(as_path(&name)) {
            Ok(()) | Err(EXISTS) => Ok(folder),
            Err(error) => Err(error.0),
        }
    }

    fn path(&self, name: &str) -> Result<Path, usize> {
        let path = self.path;
        system::terminated(format_args!("{path}/{name}")).ok_or(NAME_TOO_LONG)
    }

    /// Has the folder itself written, so that a new name outlives the power.
    fn sync(&self) -> Result<(), usize> {
        let path = self.path(".")?;
        let folder = File::open(as_path(&path), O_RDONLY).map_err(|error| error.0)?;
        folder.sync().map_err(|error| error.0)
    }
}

impl Store for Folder<'_> {
    type File = Mapping;

    fn record(&mut self, to: &mut [u8]) -> Result<usize, usize> {
        match File::open(as_path(&self.path(RECORD)?), O_RDONLY) {
            Ok(file) => file.read(to).map_err(|error| error.0),
            Err(Errno(ENOENT)) => Ok(0),
            Err(error) => Err(error.0),
        }
    }

    fn keep(&mut self, record: &[u8]) -> Result<(), usize> {
        let (new, there) = (self.path(NEW)?, self.path(RECORD)?);
        let (new, there) = (as_path(&new), as_path(&there));
        let written = write_file(new, MODE, record).and_then(|()| rename(new, there));
        written.map_err(|error| error.0)?;
        self.sync()
    }

    fn begin(&mut self) -> Result<(), usize> {
        self.discard();
        let path = self.path(BUNDLE)?;
        let file = File::open(as_path(&path), O_RDWR_CREATE | O_TRUNC);
        self.bundle = Some(file.map_err(|error| error.0)?);
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), usize> {
        const BAD_FILE: usize = 9;
        let file = self.bundle.as_ref().ok_or(BAD_FILE)?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let count = file.write(rest).map_err(|error| error.0)?;
            rest = rest.get(count..).unwrap_or_default();
        }
        Ok(())
    }

    fn fetched(&mut self) -> Result<Mapping, usize> {
        if let Some(file) = self.bundle.take() {
            file.sync().map_err(|error| error.0)?;
        }
        let file = File::open(as_path(&self.path(BUNDLE)?), O_RDONLY);
        file.and_then(|file| Mapping::of(&file))
            .map_err(|error| error.0)
    }

    fn discard(&mut self) {
        self.bundle = None;
        if let Ok(path) = self.path(BUNDLE) {
            // It is there or not.
            let _ = unlink(as_path(&path));
        }
    }
}
