// SPDX-License-Identifier: BSD-2-Clause
//! TCP connections of this Linux, and its clock.

use molt_guest_fleet::{Connection, Lost, Network};
use molt_linux_system::{
    Address, Errno, File, Mapping, O_RDONLY, READABLE, Received, Socket, WRITABLE, now, sleep_ms,
    wait,
};

/// Nanoseconds of one wait.
const STEP: u64 = 200_000_000;

/// This system's network.
pub struct Tcp;

/// A connection.
pub struct Connected(Socket);

fn milliseconds() -> u64 {
    now() / 1_000_000
}

fn lost(error: Errno) -> Lost {
    Lost::Number(error.0)
}

/// An address in numbers, or that of a name in the list of hosts.
fn address(host: &str) -> Option<Address> {
    if let Some(address) = numbers(host) {
        return Some(address);
    }
    let file = File::open(c"/etc/hosts", O_RDONLY).ok()?;
    let list = Mapping::of(&file).ok()?;
    let mut lines = core::str::from_utf8(&list).ok()?.lines();
    lines.find_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let address = numbers(words.next()?)?;
        words
            .any(|name| name.eq_ignore_ascii_case(host))
            .then_some(address)
    })
}

fn numbers(text: &str) -> Option<Address> {
    let address: core::net::Ipv4Addr = text.parse().ok()?;
    Some(address.octets())
}

/// Waits for a while, if the deadline allows it.
fn until(socket: &Socket, wanted: u16, deadline: u64) -> Result<(), Lost> {
    if milliseconds() >= deadline {
        return Err(Lost::Late);
    }
    wait([(socket, wanted)], STEP).map_err(lost)
}

impl Network for Tcp {
    type Connection = Connected;

    fn connect(&mut self, host: &str, port: u16, deadline: u64) -> Result<Connected, Lost> {
        let address = address(host).ok_or(Lost::NoSuchHost)?;
        let socket = Socket::connecting(address, port).map_err(lost)?;
        while !socket.is_connected() {
            until(&socket, WRITABLE, deadline)?;
            socket.error().map_err(lost)?;
        }
        Ok(Connected(socket))
    }

    fn now(&self) -> u64 {
        milliseconds()
    }

    fn pause(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds / 500 {
            sleep_ms(500);
        }
        sleep_ms((milliseconds % 500) as u32);
    }
}

impl Connection for Connected {
    fn send(&mut self, bytes: &[u8], deadline: u64) -> Result<(), Lost> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.0.send(rest).map_err(lost)? {
                0 => until(&self.0, WRITABLE, deadline)?,
                count => rest = rest.get(count..).unwrap_or_default(),
            }
        }
        Ok(())
    }

    fn receive(&mut self, to: &mut [u8], deadline: u64) -> Result<usize, Lost> {
        loop {
            match self.0.receive(to).map_err(lost)? {
                Received::Bytes(count) => return Ok(count),
                Received::End => return Ok(0),
                Received::Nothing => until(&self.0, READABLE, deadline)?,
            }
        }
    }
}
