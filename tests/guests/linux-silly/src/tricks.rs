// SPDX-License-Identifier: BSD-2-Clause
//! What a guest may try at the doorbell's port. Each trick gets the port as it was opened, and returns whether what came back is what
//! has to come back.

use molt_doorbell::port::{self, Fault, Header, Hello, Kind, Target};
use molt_doorbell::{Reason, Status};
use molt_guest_client::{Session, Stream, Trouble};
use molt_linux_system::Mapping;
use zerocopy::IntoBytes;

use crate::Port;

/// A trick.
type Trick = fn(&mut Port) -> bool;

/// All of them, by name.
pub const ALL: [(&str, Trick); 9] = [
    ("nothing is said", |_| true),
    ("no greeting", no_greeting),
    ("noise", noise),
    ("half an offer", half_an_offer),
    ("an offer without end", an_offer_without_end),
    ("numbers of no command", no_command),
    ("answers that nobody reads", unread),
    ("a bundle beyond the staging region", too_long),
    (
        "a bundle of noise, a wrong handle, and no confirm",
        cancelled,
    ),
];

/// Writes all of it. False: the port has failed.
fn send(port: &mut Port, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match port.write(bytes) {
            Ok(count) if count > 0 => bytes = bytes.get(count..).unwrap_or_default(),
            _ => return false,
        }
    }
    true
}

fn greet(port: &mut Port) -> bool {
    let hello = Hello {
        magic: port::MAGIC.into(),
        version: port::VERSION.into(),
    };
    let header = Header::command(Kind::Hello, size_of_val(&hello) as u32);
    send(port, header.as_bytes()) && send(port, hello.as_bytes())
}

/// Reads so many bytes.
fn skip(port: &mut Port, mut count: usize) -> bool {
    let mut bytes = [0; 64];
    while count > 0 {
        let most = count.min(bytes.len());
        let part = bytes.get_mut(..most).unwrap_or_default();
        match port.read(part) {
            Ok(read) if read > 0 => count -= read,
            _ => return false,
        }
    }
    true
}

const WELCOME: usize = size_of::<Header>() + size_of::<port::Welcome>();
const ERROR: usize = size_of::<Header>() + size_of::<port::Error>();

/// The rest of such a session is dropped, however much it is.
fn no_greeting(port: &mut Port) -> bool {
    let header = Header::command(Kind::Offer, 100);
    let said = send(port, header.as_bytes()) && skip(port, ERROR);
    said && (0..64).all(|_| send(port, &[0xa5; 4096]))
}

/// Bytes that mean nothing in particular, from a generator (Marsaglia's xorshift).
fn noise(port: &mut Port) -> bool {
    let mut state = 0x9e37_79b9_u32;
    let mut bytes = [0; 4096];
    greet(port)
        && skip(port, WELCOME)
        && (0..4).all(|_| {
            for byte in &mut bytes {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                *byte = state as u8;
            }
            send(port, &bytes)
        })
}

fn half_an_offer(port: &mut Port) -> bool {
    let header = Header::command(Kind::Offer, 100_000);
    let target = Target::default();
    greet(port)
        && send(port, header.as_bytes())
        && send(port, target.as_bytes())
        && send(port, &[0x5a; 50_000])
}

/// The bytes go to the staging region and then nowhere.
fn an_offer_without_end(port: &mut Port) -> bool {
    let header = Header::command(Kind::Offer, u32::MAX);
    greet(port)
        && send(port, header.as_bytes())
        && send(port, Target::default().as_bytes())
        && (0..9 * 256).all(|_| send(port, &[0x77; 4096]))
}

fn no_command(port: &mut Port) -> bool {
    let bad = [
        (0, 0, Fault::UnknownCommand),
        (u32::MAX, 5000, Fault::UnknownCommand),
        (Kind::State as u32, 1, Fault::BadLength),
        (Kind::Confirm as u32, 0, Fault::BadLength),
    ];
    greet(port)
        && skip(port, WELCOME)
        && bad.iter().all(|(kind, length, fault)| {
            let header = Header {
                kind: (*kind).into(),
                length: (*length).into(),
            };
            let body = [0x11; 5000];
            let body = body.get(..*length as usize).unwrap_or_default();
            let mut answer = [0; ERROR];
            let read = send(port, header.as_bytes())
                && send(port, body)
                && (answer.iter_mut()).all(|byte| port.read(core::slice::from_mut(byte)) == Ok(1));
            read && port::frame(&answer).is_some_and(|(_, body, _)| body == [*fault as u8, 0, 0, 0])
        })
}

/// Many commands at once, and none of the answers is read: the rest waits in the guest's own queue until the port is closed.
fn unread(port: &mut Port) -> bool {
    let header = Header::command(Kind::Log, 0);
    greet(port) && (0..40).all(|_| send(port, header.as_bytes()))
}

/// A session that keeps to the protocol, on a port that is used again afterwards.
fn session(port: &mut Port) -> Result<Session<&mut Port>, Trouble> {
    Session::begin(port)
}

impl Stream for &mut Port {
    fn read(&mut self, to: &mut [u8]) -> Result<usize, usize> {
        (**self).read(to)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, usize> {
        (**self).write(bytes)
    }
}

/// So many bytes are more than the staging region has.
const LONG: usize = 0x80_0001;

fn too_long(port: &mut Port) -> bool {
    // Not an array of the program's, which would make each guest's initramfs so much larger.
    let Ok(zeros) = Mapping::zeros(LONG) else {
        return false;
    };
    let state = session(port).and_then(|mut session| session.offer(0, &zeros));
    let refused = (Status::Refused as u32, Reason::BadLength as u32);
    state.is_ok_and(|state| (state.status.get(), state.reason.get()) == refused)
}

fn cancelled(port: &mut Port) -> bool {
    let run = session(port).and_then(|mut session| {
        let offered = session.offer(0, &[0x42; 5000])?;
        let wrong = session.decide(Kind::Confirm, 0, offered.handle.get() ^ 1)?;
        let second = session.offer(0, &[0x43; 5000]);
        let end = session.decide(Kind::Cancel, 0, offered.handle.get())?;
        Ok((offered, wrong, second, end))
    });
    run.is_ok_and(|(offered, wrong, second, end)| {
        offered.status.get() == Status::Offered as u32
            && wrong.reason.get() == Reason::WrongHandle as u32
            && second == Err(Trouble::Fault(Fault::Busy))
            && end.reason.get() == Reason::Cancelled as u32
    })
}
