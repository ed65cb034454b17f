// SPDX-License-Identifier: BSD-2-Clause
//! Finds the doorbell among the ports of virtio consoles, by name.

use core::ffi::CStr;
use core::fmt::{self, Write};

use molt_doorbell::port;
use molt_guest_client::Stream;
use molt_linux_system::{Errno, File, Names, O_RDONLY, O_RDWR};

const PORTS: &CStr = c"/sys/class/virtio-ports";
const BUSY: usize = 16;

/// The open port.
pub struct Port(File);

/// Why it is not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The kernel has no virtio console, or its driver is not loaded.
    NoPorts,
    /// None of the ports is the doorbell.
    NoDoorbell,
    /// Another program has it open: there is one session at a time.
    Busy,
    /// The kernel's error number.
    Failed(usize),
}

impl Missing {
    /// ENAMETOOLONG
    pub const NAME_TOO_LONG: usize = 36;

    /// One word for JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoPorts => "no-ports",
            Self::NoDoorbell => "no-doorbell",
            Self::Busy => "in-use",
            Self::Failed(_) => "doorbell",
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPorts => f.write_str(
                "this system has no virtio ports: is the kernel's module virtio_console loaded, and /sys mounted?",
            ),
            Self::NoDoorbell => write!(
                f,
                "none of this system's virtio ports is '{}': the machine's description has to give this guest's doorbell a port",
                port::NAME
            ),
            Self::Busy => f.write_str("another program uses the doorbell; there is one session at a time"),
            Self::Failed(number) => write!(f, "the doorbell's port cannot be opened: error number {number}"),
        }
    }
}

impl Port {
    /// Opens the doorbell's port.
    pub fn open() -> Result<Self, Missing> {
        let names = Names::of(PORTS).map_err(|_| Missing::NoPorts)?;
        let mut names = names.iter().filter(|name| is_doorbell(name));
        let name = names.next().ok_or(Missing::NoDoorbell)?;
        let path = terminated::<64>(format_args!("/dev/{name}"));
        let path = path.ok_or(Missing::Failed(Missing::NAME_TOO_LONG))?;
        match File::open(as_path(&path), O_RDWR) {
            Ok(file) => Ok(Self(file)),
            Err(Errno(BUSY)) => Err(Missing::Busy),
            Err(Errno(number)) => Err(Missing::Failed(number)),
        }
    }
}

fn is_doorbell(port: &str) -> bool {
    let path = terminated::<128>(format_args!("/sys/class/virtio-ports/{port}/name"));
    let mut name = [0; 80];
    let read = path.and_then(|path| {
        let file = File::open(as_path(&path), O_RDONLY).ok()?;
        file.read(&mut name).ok()
    });
    let name = name.get(..read.unwrap_or(0)).unwrap_or_default();
    core::str::from_utf8(name).is_ok_and(|name| name.trim_end() == port::NAME)
}

/// A text with a NUL behind it; `None`: it is too long.
pub fn terminated<const N: usize>(text: fmt::Arguments<'_>) -> Option<heapless::String<N>> {
    let mut string = heapless::String::new();
    write!(string, "{text}\0").ok()?;
    Some(string)
}

/// That text as the kernel takes it.
pub fn as_path(text: &str) -> &CStr {
    CStr::from_bytes_until_nul(text.as_bytes()).unwrap_or(c"")
}

impl Stream for Port {
    fn read(&mut self, to: &mut [u8]) -> Result<usize, usize> {
        self.0.read(to).map_err(|error| error.0)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, usize> {
        self.0.write(bytes).map_err(|error| error.0)
    }
}
