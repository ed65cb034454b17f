// SPDX-License-Identifier: BSD-2-Clause
//! Ports of virtio consoles, found by name (the kernel's `drivers/char/virtio_console.c`).

use core::ffi::CStr;
use core::fmt::{self, Write};

use crate::{Errno, File, Names, O_RDONLY, O_RDWR};

const PORTS: &CStr = c"/sys/class/virtio-ports";
const NAME_TOO_LONG: Errno = Errno(36);
const BUSY: Errno = Errno(16);
const TOO_MANY: Errno = Errno(24);

/// Why a port is not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPort {
    /// The kernel has no virtio console, or its driver is not loaded.
    NoPorts,
    /// None of the ports has this name.
    NotFound,
    /// Another program has it open.
    InUse,
    /// The kernel's error.
    Failed(Errno),
}

/// Opens the port of this name, for reading and writing.
///
/// # Errors
/// See [`NoPort`].
pub fn open_port(name: &str) -> Result<File, NoPort> {
    let ports = Names::of(PORTS).map_err(|_| NoPort::NoPorts)?;
    let mut ports = ports.iter().filter(|port| is_named(port, name));
    let port = ports.next().ok_or(NoPort::NotFound)?;
    let path = terminated::<64>(format_args!("/dev/{port}"));
    let path = path.ok_or(NoPort::Failed(NAME_TOO_LONG))?;
    // Older kernels say that there are too many files.
    File::open(as_path(&path), O_RDWR).map_err(|error| match error {
        BUSY | TOO_MANY => NoPort::InUse,
        error => NoPort::Failed(error),
    })
}

fn is_named(port: &str, wanted: &str) -> bool {
    let path = terminated::<128>(format_args!("/sys/class/virtio-ports/{port}/name"));
    let mut name = [0; 80];
    let read = path.and_then(|path| {
        let file = File::open(as_path(&path), O_RDONLY).ok()?;
        file.read(&mut name).ok()
    });
    let name = name.get(..read.unwrap_or(0)).unwrap_or_default();
    core::str::from_utf8(name).is_ok_and(|name| name.trim_end() == wanted)
}

/// A text with a NUL behind it; `None`: it is too long.
#[must_use]
pub fn terminated<const N: usize>(text: fmt::Arguments<'_>) -> Option<heapless::String<N>> {
    let mut string = heapless::String::new();
    write!(string, "{text}\0").ok()?;
    Some(string)
}

/// That text as the kernel takes it.
#[must_use]
pub fn as_path(text: &str) -> &CStr {
    CStr::from_bytes_until_nul(text.as_bytes()).unwrap_or(c"")
}
