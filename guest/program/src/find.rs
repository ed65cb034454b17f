// SPDX-License-Identifier: BSD-2-Clause
//! The doorbell's port, and what to do where it cannot be opened.

use core::fmt;

use molt_doorbell::port;
use molt_guest_client::Stream;
use molt_linux_system::{File, NoPort, open_port};

/// The open port.
pub struct Port(File);

/// Why it is not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing(NoPort);

impl Missing {
    /// One word for JSON.
    pub const fn word(self) -> &'static str {
        match self.0 {
            NoPort::NoPorts => "no-ports",
            NoPort::NotFound => "no-doorbell",
            NoPort::InUse => "in-use",
            NoPort::Failed(_) => "doorbell",
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            NoPort::NoPorts => f.write_str(
                "this system has no virtio ports: is the kernel's module virtio_console loaded, and /sys mounted?",
            ),
            NoPort::NotFound => write!(
                f,
                "none of this system's virtio ports is '{}': in the machine's description, this guest's <doorbell> needs port=\"true\"",
                port::NAME
            ),
            NoPort::InUse => {
                f.write_str("another program uses the doorbell; there is one session at a time")
            }
            NoPort::Failed(error) => {
                write!(f, "the doorbell's port cannot be opened: error number {}", error.0)
            }
        }
    }
}

impl Port {
    /// Opens the doorbell's port.
    pub fn open() -> Result<Self, Missing> {
        open_port(port::NAME).map(Self).map_err(Missing)
    }
}

impl Stream for Port {
    fn read(&mut self, to: &mut [u8]) -> Result<usize, usize> {
        self.0.read(to).map_err(|error| error.0)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, usize> {
        self.0.write(bytes).map_err(|error| error.0)
    }
}
