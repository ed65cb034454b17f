// SPDX-License-Identifier: BSD-2-Clause
//! Sockets of IPv4 that never block, and the wait for several of them.

use crate::{Errno, File, call};

const PPOLL: usize = 73;
const SOCKET: usize = 198;
const BIND: usize = 200;
const LISTEN: usize = 201;
const CONNECT: usize = 203;
const SENDTO: usize = 206;
const RECVFROM: usize = 207;
const SETSOCKOPT: usize = 208;
const GETPEERNAME: usize = 205;
const GETSOCKOPT: usize = 209;
const ACCEPT4: usize = 242;

const AF_INET: usize = 2;
const SOCK_STREAM: usize = 1;
const SOCK_DGRAM: usize = 2;
const SOCK_NONBLOCK: usize = 0o4000;
const IPPROTO_ICMP: usize = 1;
const MSG_NOSIGNAL: usize = 0x4000;
const SOL_SOCKET: usize = 1;
const SO_REUSEADDR: usize = 2;
const SO_ERROR: usize = 4;

/// `EAGAIN`: nothing to read, or no room.
const AGAIN: Errno = Errno(11);
/// `EINPROGRESS`: the connection is being made.
const IN_PROGRESS: Errno = Errno(115);

/// Something can be read, or a connection accepted (`POLLIN`).
pub const READABLE: u16 = 1;
/// Something can be written, or the connection is made (`POLLOUT`).
pub const WRITABLE: u16 = 4;

/// An address of IPv4.
pub type Address = [u8; 4];

/// `struct sockaddr_in`.
fn socket_address([a, b, c, d]: Address, port: u16) -> [u8; 16] {
    let [high, low] = port.to_be_bytes();
    let family = AF_INET as u8;
    [family, 0, high, low, a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0]
}

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// So many bytes.
    Bytes(usize),
    /// The other side sends no more.
    End,
    /// Nothing yet.
    Nothing,
}

/// A socket; closed when dropped.
pub struct Socket(File);

impl Socket {
    fn new(kind: usize, protocol: usize) -> Result<Self, Errno> {
        let kind = kind | SOCK_NONBLOCK;
        let number = call(SOCKET, [AF_INET, kind, protocol, 0, 0, 0])?;
        Ok(Self(File(number)))
    }

    /// One that accepts connections to this TCP port.
    ///
    /// # Errors
    /// The kernel's.
    pub fn listening(port: u16) -> Result<Self, Errno> {
        let this = Self::new(SOCK_STREAM, 0)?;
        let on = 1_u32;
        let option = [SOL_SOCKET, SO_REUSEADDR, &raw const on as usize, 4];
        let [level, name, value, size] = option;
        call(SETSOCKOPT, [this.number(), level, name, value, size, 0])?;
        let address = socket_address([0; 4], port);
        let (at, size) = (address.as_ptr() as usize, address.len());
        call(BIND, [this.number(), at, size, 0, 0, 0])?;
        call(LISTEN, [this.number(), 8, 0, 0, 0, 0])?;
        Ok(this)
    }

    /// Begins a TCP connection, which is made when [`Self::is_connected`]. The socket is writable then, or has met an error.
    ///
    /// # Errors
    /// The kernel's.
    pub fn connecting(to: Address, port: u16) -> Result<Self, Errno> {
        let this = Self::new(SOCK_STREAM, 0)?;
        match this.connect(to, port) {
            Ok(()) | Err(IN_PROGRESS) => Ok(this),
            Err(error) => Err(error),
        }
    }

    /// One that sends ICMP echo requests to this address and gets the replies to them (`/proc/sys/net/ipv4/ping_group_range`
    /// says who may have one).
    ///
    /// # Errors
    /// The kernel's.
    pub fn ping(to: Address) -> Result<Self, Errno> {
        let this = Self::new(SOCK_DGRAM, IPPROTO_ICMP)?;
        this.connect(to, 0)?;
        Ok(this)
    }

    fn connect(&self, to: Address, port: u16) -> Result<(), Errno> {
        let address = socket_address(to, port);
        let (at, size) = (address.as_ptr() as usize, address.len());
        call(CONNECT, [self.number(), at, size, 0, 0, 0]).map(drop)
    }

    /// The next connection, if there is one.
    ///
    /// # Errors
    /// The kernel's.
    pub fn accept(&self) -> Result<Option<Self>, Errno> {
        match call(ACCEPT4, [self.number(), 0, 0, SOCK_NONBLOCK, 0, 0]) {
            Ok(number) => Ok(Some(Self(File(number)))),
            Err(AGAIN) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the connection is made.
    pub fn is_connected(&self) -> bool {
        let (mut address, mut size) = ([0_u8; 16], 16_u32);
        let (at, length) = (address.as_mut_ptr() as usize, &raw mut size as usize);
        call(GETPEERNAME, [self.number(), at, length, 0, 0, 0]).is_ok()
    }

    /// The error that the socket has met, which is taken from it.
    ///
    /// # Errors
    /// It.
    pub fn error(&self) -> Result<(), Errno> {
        let (mut number, mut size) = (0_u32, 4_u32);
        let (value, length) = (&raw mut number as usize, &raw mut size as usize);
        let option = [self.number(), SOL_SOCKET, SO_ERROR, value, length, 0];
        call(GETSOCKOPT, option)?;
        match number {
            0 => Ok(()),
            number => Err(Errno(number as usize)),
        }
    }

    /// Sends as much as there is room for, and returns how much that was.
    ///
    /// # Errors
    /// The kernel's.
    pub fn send(&self, bytes: &[u8]) -> Result<usize, Errno> {
        let (at, size) = (bytes.as_ptr() as usize, bytes.len());
        match call(SENDTO, [self.number(), at, size, MSG_NOSIGNAL, 0, 0]) {
            Err(AGAIN) => Ok(0),
            result => result,
        }
    }

    /// Reads what there is.
    ///
    /// # Errors
    /// The kernel's.
    pub fn receive(&self, buffer: &mut [u8]) -> Result<Received, Errno> {
        let (at, size) = (buffer.as_mut_ptr() as usize, buffer.len());
        match call(RECVFROM, [self.number(), at, size, 0, 0, 0]) {
            Ok(0) => Ok(Received::End),
            Ok(count) => Ok(Received::Bytes(count)),
            Err(AGAIN) => Ok(Received::Nothing),
            Err(error) => Err(error),
        }
    }

    fn number(&self) -> usize {
        self.0.0
    }
}

/// `struct pollfd`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Wish {
    number: i32,
    wanted: u16,
    seen: u16,
}

/// Waits until one of the sockets is what is wanted of it (or has met an error), or `timeout` nanoseconds, less than a second,
/// have passed. At most 8 sockets.
///
/// # Errors
/// The kernel's.
pub fn wait<'a>(
    sockets: impl IntoIterator<Item = (&'a Socket, u16)>,
    timeout: u64,
) -> Result<(), Errno> {
    let mut wishes = [Wish::default(); 8];
    let mut count = 0;
    for (wish, (socket, wanted)) in wishes.iter_mut().zip(sockets) {
        *wish = Wish {
            number: socket.number() as i32,
            wanted,
            seen: 0,
        };
        count += 1;
    }
    let time: [u64; 2] = [0, timeout.min(999_999_999)];
    let (at, time) = (wishes.as_mut_ptr() as usize, time.as_ptr() as usize);
    call(PPOLL, [at, count, time, 0, 0, 0]).map(drop)
}
