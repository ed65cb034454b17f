// SPDX-License-Identifier: BSD-2-Clause
//! A ping every 10 ms (ICMP echo, RFC 792), and which of them were answered.

use molt_linux_system::{Address, Errno, READABLE, Received, Socket, now};

/// The time between two, in nanoseconds.
const PERIOD: u64 = 10_000_000;
/// One that was not answered within this time is lost. An answer takes no longer on a host that is slow or does something else.
const PATIENCE: u64 = 10_000_000_000;
/// Most that are waited for: more than are sent in that time.
const WAITING: usize = 1024;
/// Echo and echo reply.
const REQUEST: u8 = 8;
const REPLY: u8 = 0;

/// A ping that was sent.
#[derive(Clone, Copy, Default)]
struct Sent {
    at: u64,
    answered: bool,
}

/// Pings to one address.
pub struct Probe {
    socket: Socket,
    /// By the low bits of the ping's number.
    pings: [Sent; WAITING],
    /// Numbers of the oldest ping that is waited for, and of the next one.
    oldest: u64,
    next: u64,
    due: u64,
    ending: bool,
    lost: u64,
    row: u64,
    longest_row: u64,
    answered: u64,
    total: u64,
    last_answer: u64,
    longest_gap: u64,
}

impl Probe {
    pub fn new(to: Address) -> Result<Self, Errno> {
        Ok(Self {
            socket: Socket::ping(to)?,
            pings: [Sent::default(); WAITING],
            oldest: 0,
            next: 0,
            due: 0,
            ending: false,
            lost: 0,
            row: 0,
            longest_row: 0,
            answered: 0,
            total: 0,
            last_answer: 0,
            longest_gap: 0,
        })
    }

    /// No more are sent.
    pub fn end(&mut self) {
        self.ending = true;
    }

    /// Whether none is waited for any more.
    pub fn is_done(&mut self) -> bool {
        self.settle(now());
        self.ending && self.oldest == self.next
    }

    pub fn sent(&self) -> u64 {
        self.next
    }

    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// The most that were lost one after the other.
    pub fn lost_in_a_row(&self) -> u64 {
        self.longest_row
    }

    /// The longest time from one answer to the next, in nanoseconds.
    pub fn longest_gap(&self) -> u64 {
        self.longest_gap
    }

    /// The mean time to the answer, in nanoseconds.
    pub fn mean(&self) -> u64 {
        self.total.checked_div(self.answered).unwrap_or(0)
    }

    /// How long to wait for the next one.
    pub fn until_next(&self, now: u64) -> u64 {
        match self.due.saturating_sub(now) {
            0 => PERIOD,
            left => left.min(PERIOD),
        }
    }

    pub fn socket(&self) -> (&Socket, u16) {
        (&self.socket, READABLE)
    }

    /// Sends the next one if it is time.
    pub fn step(&mut self, now: u64) {
        self.settle(now);
        let full = self.next - self.oldest >= WAITING as u64;
        if self.ending || full || now < self.due {
            return;
        }
        self.due = now + PERIOD;
        let [high, low] = (self.next as u16).to_be_bytes();
        // The kernel fills in checksum and identifier.
        let ping = [REQUEST, 0, 0, 0, 0, 0, high, low, 0x6d, 0x6f, 0x6c, 0x74];
        if let Some(sent) = self.pings.get_mut(self.next as usize % WAITING) {
            *sent = Sent {
                at: now,
                answered: false,
            };
        }
        self.next += 1;
        // One that cannot be sent gets no answer.
        let _ = self.socket.send(&ping);
    }

    /// Takes the answers that there are.
    pub fn receive(&mut self) {
        let mut bytes = [0; 64];
        while let Ok(Received::Bytes(count)) = self.socket.receive(&mut bytes) {
            if let Some([REPLY, _, _, _, _, _, high, low]) = bytes.get(..8.min(count)) {
                self.take(u16::from_be_bytes([*high, *low]));
            }
        }
    }

    fn take(&mut self, number: u16) {
        let waited = self.oldest..self.next;
        let Some(n) = waited.into_iter().find(|n| *n as u16 == number) else {
            return;
        };
        let Some(sent) = self.pings.get_mut(n as usize % WAITING) else {
            return;
        };
        if !core::mem::replace(&mut sent.answered, true) {
            let now = now();
            self.answered += 1;
            self.total += now.saturating_sub(sent.at);
            if self.last_answer > 0 {
                self.longest_gap = self.longest_gap.max(now - self.last_answer);
            }
            self.last_answer = now;
        }
    }

    /// Decides, in order, about those that were answered or are lost.
    fn settle(&mut self, now: u64) {
        while self.oldest < self.next
            && let Some(sent) = self.pings.get(self.oldest as usize % WAITING)
        {
            match sent.answered {
                true => self.row = 0,
                false if now < sent.at + PATIENCE => break,
                false => {
                    self.lost += 1;
                    self.row += 1;
                    self.longest_row = self.longest_row.max(self.row);
                }
            }
            self.oldest += 1;
        }
    }
}
