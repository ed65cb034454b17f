// SPDX-License-Identifier: BSD-2-Clause
//! The host's TCP. Time does not pass by itself: a pause is a jump, so that no test waits.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use molt_guest_fleet::{Connection, Lost, Network};

use super::{DEAD, Kept, Shared};

pub struct Tcp {
    now: u64,
    kept: Shared<Kept>,
}

impl Tcp {
    pub fn new(kept: Shared<Kept>) -> Self {
        Self { now: 0, kept }
    }
}

pub struct Connected(TcpStream);

fn lost(error: &std::io::Error) -> Lost {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Lost::Late,
        _ => Lost::Number(error.raw_os_error().unwrap_or(0) as usize),
    }
}

impl Network for Tcp {
    type Connection = Connected;

    fn connect(&mut self, host: &str, port: u16, _: u64) -> Result<Connected, Lost> {
        if !self.kept.borrow_mut().lives() {
            return Err(Lost::Number(DEAD));
        }
        let address: std::net::Ipv4Addr = host.parse().map_err(|_| Lost::NoSuchHost)?;
        let stream = TcpStream::connect((address, port)).map_err(|error| lost(&error))?;
        let limit = Some(Duration::from_secs(20));
        stream
            .set_read_timeout(limit)
            .map_err(|error| lost(&error))?;
        Ok(Connected(stream))
    }

    fn now(&self) -> u64 {
        self.now
    }

    fn pause(&mut self, milliseconds: u64) {
        self.now += milliseconds;
    }
}

impl Connection for Connected {
    fn send(&mut self, bytes: &[u8], _: u64) -> Result<(), Lost> {
        self.0.write_all(bytes).map_err(|error| lost(&error))
    }

    fn receive(&mut self, to: &mut [u8], _: u64) -> Result<usize, Lost> {
        // A few bytes at a time: what comes in pieces is put together.
        let count = to.len().min(1 + to.len() / 3);
        self.0.read(&mut to[..count]).map_err(|error| lost(&error))
    }
}
