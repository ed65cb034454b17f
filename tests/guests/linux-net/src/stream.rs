// SPDX-License-Identifier: BSD-2-Clause
//! The stream to a peer that sends it back.

use molt_linux_system::{Address, Errno, READABLE, Received, Socket, WRITABLE, mark, now, say};

/// Most bytes that are on their way there and back.
const WINDOW: u64 = 0x4_0000;
/// Bytes of one system call; a multiple of 8.
const PIECE: usize = 0x8000;
/// The time in which `pace` bytes are sent, in nanoseconds.
const PERIOD: u64 = 40_000_000;
/// How long a connection is waited for before it is tried again, in nanoseconds: the peer may not be there yet.
const PATIENCE: u64 = 3_000_000_000;
/// How long after one was refused.
const REST: u64 = 100_000_000;

/// How far the connection is.
enum State {
    /// To be tried again at this time.
    Absent(u64),
    /// Begun at this time.
    Connecting(Socket, u64),
    Connected(Socket),
    Closed,
}

/// A stream of words, each of which says where it belongs.
pub struct Stream {
    peer: Address,
    port: u16,
    state: State,
    buffer: [u8; PIECE],
    /// Most bytes of a period; 0: any number.
    pace: u64,
    /// When the next period begins, and where the stream is to be at its end.
    next_period: u64,
    goal: u64,
    /// Bytes of the stream that were sent, and that came back.
    sent: u64,
    received: u64,
    ending: bool,
    errors: u64,
    /// When it was connected, and when it was closed.
    started: u64,
    ended: u64,
}

impl Stream {
    pub fn new(peer: Address, port: u16, pace: u64) -> Self {
        Self {
            peer,
            port,
            state: State::Absent(0),
            buffer: [0; PIECE],
            pace,
            next_period: 0,
            goal: if pace == 0 { u64::MAX } else { 0 },
            sent: 0,
            received: 0,
            ending: false,
            errors: 0,
            started: 0,
            ended: 0,
        }
    }

    /// Nothing more is sent.
    pub fn end(&mut self) {
        self.ending = true;
    }

    pub fn is_connected(&self) -> bool {
        matches!(self.state, State::Connected(_))
    }

    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Bytes that came back as they were sent.
    pub fn verified(&self) -> u64 {
        self.received
    }

    pub fn errors(&self) -> u64 {
        self.errors
    }

    /// In nanoseconds.
    pub fn duration(&self) -> u64 {
        self.ended.saturating_sub(self.started)
    }

    /// Begins the next period if it is time. What a late one has missed is not made up for.
    pub fn pace(&mut self, now: u64) {
        if self.pace > 0 && now >= self.next_period {
            self.next_period = now + PERIOD;
            self.goal = self.sent + self.pace;
        }
    }

    fn may_send(&self) -> bool {
        !self.ending && self.sent < self.goal && self.sent - self.received < WINDOW
    }

    /// The socket to wait for.
    pub fn socket(&self) -> Option<(&Socket, u16)> {
        match &self.state {
            State::Connecting(socket, _) => Some((socket, WRITABLE)),
            State::Connected(socket) if self.may_send() => Some((socket, READABLE | WRITABLE)),
            State::Connected(socket) => Some((socket, READABLE)),
            State::Absent(_) | State::Closed => None,
        }
    }

    /// Does what is possible.
    pub fn step(&mut self) {
        let state = core::mem::replace(&mut self.state, State::Closed);
        self.state = match state {
            State::Absent(_) | State::Connecting(..) if self.ending => State::Closed,
            State::Absent(at) if now() < at => State::Absent(at),
            State::Absent(_) => match Socket::connecting(self.peer, self.port) {
                Ok(socket) => State::Connecting(socket, now()),
                Err(_) => State::Absent(now() + REST),
            },
            State::Connecting(socket, since) => self.connecting(socket, since),
            State::Connected(socket) => self.connected(socket),
            State::Closed => State::Closed,
        };
    }

    fn connecting(&mut self, socket: Socket, since: u64) -> State {
        if socket.error().is_err() || now() > since + PATIENCE {
            return State::Absent(now() + REST);
        }
        if !socket.is_connected() {
            return State::Connecting(socket, since);
        }
        self.started = now();
        mark::here::<{ mark::BEGIN }>();
        State::Connected(socket)
    }

    fn connected(&mut self, socket: Socket) -> State {
        let done = self.exchange(&socket).unwrap_or_else(|Errno(number)| {
            self.fail(format_args!("the connection: error number {number}"));
            true
        });
        match done {
            true => {
                mark::here::<{ mark::END }>();
                self.ended = now();
                State::Closed
            }
            false => State::Connected(socket),
        }
    }

    /// Sends and receives what is possible. Returns whether the stream is at its end.
    fn exchange(&mut self, socket: &Socket) -> Result<bool, Errno> {
        while self.may_send() {
            fill(&mut self.buffer, self.sent);
            let first = (self.sent % 8) as usize;
            let most = usize::try_from(self.goal - self.sent).unwrap_or(PIECE);
            let part = first..PIECE.min(first.saturating_add(most));
            match socket.send(self.buffer.get(part).unwrap_or_default())? {
                0 => break,
                count => self.sent += count as u64,
            }
        }
        loop {
            let first = (self.received % 8) as usize;
            let room = self.buffer.get_mut(first..).unwrap_or_default();
            match socket.receive(room)? {
                Received::Nothing => break,
                Received::End => {
                    self.fail(format_args!("the peer has closed the connection"));
                    return Ok(true);
                }
                Received::Bytes(count) => {
                    let bytes = self.buffer.get_mut(..first + count).unwrap_or_default();
                    if self.received + count as u64 > self.sent || !is(bytes, self.received) {
                        let from = self.received;
                        self.fail(format_args!(
                            "{count} bytes from {from} on are not what was sent"
                        ));
                        return Ok(true);
                    }
                    self.received += count as u64;
                }
            }
        }
        Ok(self.ending && self.received == self.sent)
    }

    fn fail(&mut self, what: core::fmt::Arguments<'_>) {
        say!("error: {what}");
        self.errors += 1;
    }
}

/// The word at byte `at` of the stream, a multiple of 8.
fn word(at: u64) -> [u8; 8] {
    // The odd constant of Fibonacci hashing (Knuth, volume 3, 6.4): words in a row differ in all their bytes.
    (at / 8 + 1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .to_le_bytes()
}

/// Fills the buffer with the stream, from the start of the word that contains byte `at`.
fn fill(buffer: &mut [u8], at: u64) {
    let (words, _) = buffer.as_chunks_mut();
    for (to, at) in words.iter_mut().zip((at & !7..).step_by(8)) {
        *to = word(at);
    }
}

/// Whether the buffer holds the stream from byte `at` on, which is at the same place in its word. What is before it in the word
/// is not looked at.
fn is(buffer: &mut [u8], at: u64) -> bool {
    let before = (at % 8) as usize;
    for (to, from) in buffer.iter_mut().zip(word(at & !7)).take(before) {
        *to = from;
    }
    let places = (at & !7..).step_by(8);
    (buffer.chunks(8).zip(places)).all(|(bytes, at)| word(at).starts_with(bytes))
}
