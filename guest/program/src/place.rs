// SPDX-License-Identifier: BSD-2-Clause
//! Where the guest's own part of an update is stored: this Linux.

use core::ffi::CStr;

use molt_guest_client::{OLD, Obstacle, Place, Value};
use molt_guest_part::Policy;
use molt_linux_system::{
    self as system, Child, Errno, File, O_RDONLY, O_RDWR, as_path, link, rename, sleep_ms, unlink,
    write_file,
};

/// What the guest's owner allows.
const POLICY: &CStr = c"/etc/molt-guest.conf";
/// Behind the name of a file that is not in its place yet.
const NEW: &str = ".molt-new";
/// Most bytes of a path with its end.
const PATH: usize = 288;
/// Most arguments of a command.
const ARGUMENTS: usize = 7;
/// Most bytes of a command's word.
const WORD: usize = 256;
/// No such file or directory.
const ENOENT: usize = 2;
/// Milliseconds between two looks at a command.
const PAUSE: u32 = 10;

/// This Linux.
pub struct Linux {
    policy: &'static str,
}

type Text<const N: usize> = heapless::String<N>;

impl Linux {
    /// With the owner's list as it is now; one that cannot be read allows nothing.
    pub fn new() -> Self {
        let contents = File::open(POLICY, O_RDONLY).and_then(|file| file.contents());
        let policy = contents.map_or("", |bytes| str::from_utf8(bytes).unwrap_or(""));
        Self { policy }
    }
}

fn obstacle(error: Errno) -> Obstacle {
    Obstacle::Number(error.0)
}

/// A path with something behind it, as the kernel wants it.
fn path(path: &str, more: &str) -> Result<Text<PATH>, Obstacle> {
    system::terminated(format_args!("{path}{more}")).ok_or(Obstacle::Text)
}

/// Whether there was something to do it to.
fn was_there(result: Result<(), Errno>) -> Result<bool, Obstacle> {
    match result {
        Ok(()) => Ok(true),
        Err(Errno(ENOENT)) => Ok(false),
        Err(error) => Err(obstacle(error)),
    }
}

impl Place for Linux {
    fn policy(&self) -> Policy<'static> {
        Policy(self.policy)
    }

    fn put(&mut self, name: &str, mode: u32, contents: &[u8]) -> Result<(), Obstacle> {
        let (there, old, new) = (path(name, "")?, path(name, OLD)?, path(name, NEW)?);
        let (there, old, new) = (as_path(&there), as_path(&old), as_path(&new));
        if File::open(old, O_RDONLY).is_ok() {
            return Err(Obstacle::Left);
        }
        let result = write_file(new, mode, contents).map_err(obstacle);
        let result = result
            .and_then(|()| was_there(link(there, old)))
            .and_then(|_| rename(new, there).map_err(obstacle));
        if result.is_err() {
            // The file itself is as it was.
            let _ = unlink(new);
            let _ = unlink(old);
        }
        result
    }

    fn put_back(&mut self, name: &str) -> Result<(), Obstacle> {
        let (there, old) = (path(name, "")?, path(name, OLD)?);
        match was_there(rename(as_path(&old), as_path(&there)))? {
            true => Ok(()),
            false => unlink(as_path(&there)).map_err(obstacle),
        }
    }

    fn forget(&mut self, name: &str) -> Result<(), Obstacle> {
        was_there(unlink(as_path(&path(name, OLD)?))).map(drop)
    }

    fn parameter(&mut self, module: &str, name: &str) -> Result<Value, Obstacle> {
        let file = open_parameter(module, name, O_RDONLY)?;
        let mut bytes = [0; 256];
        let count = file.read(&mut bytes).map_err(obstacle)?;
        let text = bytes
            .get(..count)
            .and_then(|bytes| str::from_utf8(bytes).ok());
        let value = text.map(|text| text.trim_end_matches('\n'));
        value
            .and_then(|value| Value::try_from(value).ok())
            .ok_or(Obstacle::Text)
    }

    fn set_parameter(&mut self, module: &str, name: &str, value: &str) -> Result<(), Obstacle> {
        let file = open_parameter(module, name, O_RDWR)?;
        // The kernel takes a parameter in one piece.
        file.write(value.as_bytes()).map_err(obstacle).map(drop)
    }

    fn execute<'a>(&mut self, words: impl Iterator<Item = &'a str>) -> Result<(), Obstacle> {
        let mut texts = heapless::Vec::<Text<WORD>, { ARGUMENTS + 1 }>::new();
        for word in words {
            let word = system::terminated(format_args!("{word}")).ok_or(Obstacle::Text)?;
            texts.push(word).map_err(|_| Obstacle::Text)?;
        }
        let all: heapless::Vec<&CStr, { ARGUMENTS + 1 }> =
            texts.iter().map(|text| as_path(text)).collect();
        let (program, arguments) = all.split_first().ok_or(Obstacle::Text)?;
        let child = Child::start(program, arguments).map_err(obstacle)?;
        loop {
            match child.ended().map_err(obstacle)? {
                Some(0) => return Ok(()),
                Some(code) => return Err(Obstacle::Code(code)),
                None => sleep_ms(PAUSE),
            }
        }
    }
}

fn open_parameter(module: &str, name: &str, flags: usize) -> Result<File, Obstacle> {
    let path = system::terminated::<PATH>(format_args!("/sys/module/{module}/parameters/{name}"));
    let path = path.ok_or(Obstacle::Text)?;
    File::open(as_path(&path), flags).map_err(obstacle)
}
