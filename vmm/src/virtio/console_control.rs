// SPDX-License-Identifier: BSD-2-Clause
//! The console's control messages (virtio 1.2, 5.3.6.2): how a guest learns of the ports, and how it opens them.
//!
//! What is to be told of a port is kept as a set, in which a message is once or not at all: a guest that asks again and again and
//! takes no answers makes nothing grow.

use crate::virtio::port::NAME;

const DEVICE_READY: u16 = 0;
const PORT_ADD: u16 = 1;
const PORT_READY: u16 = 3;
const CONSOLE_PORT: u16 = 4;
const PORT_OPEN: u16 = 6;
const PORT_NAME: u16 = 7;

/// Bytes of `struct virtio_console_control`.
pub const HEADER: usize = 8;
/// Bytes of the longest message.
pub const MESSAGE: usize = HEADER + NAME;

/// Messages for the guest, in the order in which they are sent: the port is there, it is a console, its name, the service is
/// there.
const ADD: u8 = 1;
const CONSOLE: u8 = 2;
const NAMED: u8 = 4;
const OPEN: u8 = 8;

/// What a guest says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It knows the device, and wants to be told of its ports.
    DeviceReady,
    /// It knows this port, and wants to be told its name.
    PortReady(u32),
    /// It has opened this port, or closed it.
    Open(u32, bool),
}

impl Said {
    /// Reads a message; `None` for one that means nothing to a device, or that reports a failure of the guest's.
    pub fn read(bytes: &[u8; HEADER]) -> Option<Self> {
        let [a, b, c, d, e, f, g, h] = *bytes;
        let id = u32::from_le_bytes([a, b, c, d]);
        match (u16::from_le_bytes([e, f]), u16::from_le_bytes([g, h])) {
            (DEVICE_READY, 1) => Some(Self::DeviceReady),
            (PORT_READY, 1) => Some(Self::PortReady(id)),
            (PORT_OPEN, value @ (0 | 1)) => Some(Self::Open(id, value == 1)),
            _ => None,
        }
    }
}

/// What the guest is still to be told of one port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Untold(u8);

impl Untold {
    /// That there is such a port.
    pub fn add(&mut self) {
        self.0 |= ADD;
    }

    /// Its properties: whether it is a console, the name, and that its service is there.
    pub fn describe(&mut self, console: bool) {
        self.0 |= NAMED | OPEN | if console { CONSOLE } else { 0 };
    }

    /// Whether there is nothing.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The next message of port `id`, as it is sent.
    pub fn message(self, id: u32, name: &str) -> heapless::Vec<u8, MESSAGE> {
        let event = match self.next() {
            ADD => PORT_ADD,
            CONSOLE => CONSOLE_PORT,
            NAMED => PORT_NAME,
            _ => PORT_OPEN,
        };
        let mut bytes = heapless::Vec::new();
        let value = 1_u16;
        let header = (id.to_le_bytes().into_iter())
            .chain(event.to_le_bytes())
            .chain(value.to_le_bytes());
        bytes.extend(header);
        if event == PORT_NAME {
            bytes.extend(name.bytes().take(NAME));
        }
        bytes
    }

    /// That message has been sent.
    pub fn told(&mut self) {
        self.0 &= !self.next();
    }

    /// The lowest bit that is set.
    const fn next(self) -> u8 {
        self.0 & self.0.wrapping_neg()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    fn all(mut untold: Untold) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        while !untold.is_empty() {
            messages.push(untold.message(2, "a.b").to_vec());
            untold.told();
        }
        messages
    }

    #[test]
    fn messages_in_their_order_and_each_once() {
        let mut untold = Untold::default();
        for _ in 0..1000 {
            untold.describe(false);
            untold.add();
            untold.describe(true);
        }
        let expected: [&[u8]; 4] = [
            &[2, 0, 0, 0, 1, 0, 1, 0],
            &[2, 0, 0, 0, 4, 0, 1, 0],
            &[2, 0, 0, 0, 7, 0, 1, 0, b'a', b'.', b'b'],
            &[2, 0, 0, 0, 6, 0, 1, 0],
        ];
        assert_eq!(all(untold), expected);
    }

    #[test]
    fn what_a_guest_may_say() {
        let read = |event: u8, value: u8| Said::read(&[3, 0, 0, 1, event, 0, value, 0]);
        let id = 0x0100_0003;
        assert_eq!(read(0, 1), Some(Said::DeviceReady));
        assert_eq!(read(3, 1), Some(Said::PortReady(id)));
        assert_eq!(read(6, 1), Some(Said::Open(id, true)));
        assert_eq!(read(6, 0), Some(Said::Open(id, false)));
        for (event, value) in [(0, 0), (3, 0), (6, 2), (1, 1), (7, 1), (255, 1)] {
            assert_eq!(read(event, value), None);
        }
    }
}
