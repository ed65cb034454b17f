// SPDX-License-Identifier: BSD-2-Clause
//! Sends back what peers send.

use heapless::Vec;
use molt_linux_system::{Errno, READABLE, Received, Socket, WRITABLE, say};

/// Most connections at a time.
const CONNECTIONS: usize = 4;
/// Bytes that are taken from a connection before they are sent back.
const ROOM: usize = 0x8000;

/// One connection, and what is still to be sent back.
struct Connection {
    socket: Socket,
    bytes: [u8; ROOM],
    /// What of it was received, and what of that was sent back.
    received: usize,
    sent: usize,
}

impl Connection {
    fn is_empty(&self) -> bool {
        self.sent == self.received
    }

    /// Returns whether the connection goes on.
    fn step(&mut self) -> Result<bool, Errno> {
        if self.is_empty() {
            (self.received, self.sent) = (0, 0);
            match self.socket.receive(&mut self.bytes)? {
                Received::Bytes(count) => self.received = count,
                Received::End => return Ok(false),
                Received::Nothing => {}
            }
        }
        let left = self.bytes.get(self.sent..self.received);
        if let Some(left) = left.filter(|left| !left.is_empty()) {
            self.sent += self.socket.send(left)?;
        }
        Ok(true)
    }
}

/// The service.
pub struct Echo {
    listening: Socket,
    connections: Vec<Connection, CONNECTIONS>,
    had_peer: bool,
    errors: u64,
}

impl Echo {
    pub fn new(port: u16) -> Result<Self, Errno> {
        Ok(Self {
            listening: Socket::listening(port)?,
            connections: Vec::new(),
            had_peer: false,
            errors: 0,
        })
    }

    /// Whether there was a connection since the start.
    pub fn had_peer(&self) -> bool {
        self.had_peer
    }

    /// Whether there is none now.
    pub fn is_closed(&self) -> bool {
        self.connections.is_empty()
    }

    pub fn errors(&self) -> u64 {
        self.errors
    }

    /// The sockets to wait for.
    pub fn sockets(&self) -> impl Iterator<Item = (&Socket, u16)> {
        let connections = self.connections.iter().map(|connection| {
            let wish = match connection.is_empty() {
                true => READABLE,
                false => WRITABLE,
            };
            (&connection.socket, wish)
        });
        [(&self.listening, READABLE)].into_iter().chain(connections)
    }

    pub fn step(&mut self) -> Result<(), Errno> {
        while !self.connections.is_full()
            && let Some(socket) = self.listening.accept()?
        {
            self.had_peer = true;
            let connection = Connection {
                socket,
                bytes: [0; ROOM],
                received: 0,
                sent: 0,
            };
            // There is room.
            let _ = self.connections.push(connection);
        }
        let errors = &mut self.errors;
        self.connections.retain_mut(|connection| {
            connection.step().unwrap_or_else(|Errno(number)| {
                say!("error: a peer's connection: error number {number}");
                *errors += 1;
                false
            })
        });
        Ok(())
    }
}
