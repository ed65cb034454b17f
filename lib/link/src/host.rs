// SPDX-License-Identifier: BSD-2-Clause
//! The host's end.

use crate::frame::{Decoder, Event, Frame, Message};
use crate::message::{ANSWER, Kind, NAK};
use crate::{Answer, Request};

/// The most requests that are under way.
pub const WINDOW: usize = 4;

/// How long the host waits, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// For an answer, before it sends a request again.
    pub retry: u64,
    /// For an answer, before it gives up.
    pub limit: u64,
    /// The same for what takes the controller long: a transfer's beginning, data and end.
    pub long: u64,
}

impl Default for Timing {
    /// For a controller that needs up to a few seconds to check an image.
    fn default() -> Self {
        Self {
            retry: 100,
            limit: 2_000,
            long: 10_000,
        }
    }
}

/// Names a request until it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u32);

/// As many requests as can be are under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("as many requests as can be are under way")]
pub struct Full;

/// Why a request has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// None came in time.
    #[error("the controller has not answered in time")]
    Silent,
}

#[derive(Clone, Debug)]
struct Slot {
    sequence: u32,
    kind: Kind,
    frame: Frame,
    /// When it was last sent; never yet if there is none.
    sent: Option<u64>,
    /// It is to be sent (again) now.
    due: bool,
    give_up: u64,
    answer: Option<Answer>,
}

/// The host's end of the line.
///
/// Bytes from the line go to [`Host::receive`], those for it come from [`Host::transmit`], and answers from [`Host::poll`]. All of
/// them are to be called when bytes have come, after [`Host::submit`], and at [`Host::deadline`].
#[derive(Debug)]
pub struct Host {
    timing: Timing,
    decoder: Decoder,
    slots: [Option<Slot>; WINDOW],
    sending: Frame,
    sent: usize,
    next: u32,
}

impl Host {
    /// An end with no request under way. The session is a number that the host's last ends on this line did not have, so that
    /// late answers to them are not taken for answers to this one.
    #[must_use]
    pub fn new(session: u16, timing: Timing) -> Self {
        Self {
            timing,
            decoder: Decoder::new(),
            slots: [const { None }; WINDOW],
            sending: Frame::EMPTY,
            sent: 0,
            next: u32::from(session) << 16,
        }
    }

    /// Begins a request.
    ///
    /// # Errors
    /// [`Full`].
    pub fn submit(&mut self, request: &Request<'_>, now: u64) -> Result<Ticket, Full> {
        let slot = self
            .slots
            .iter_mut()
            .find(|slot| slot.is_none())
            .ok_or(Full)?;
        let sequence = self.next;
        // The session's part stays.
        self.next = (sequence & !0xffff) | (sequence.wrapping_add(1) & 0xffff);
        let kind = request.kind();
        let limit = match kind {
            Kind::Begin | Kind::Data | Kind::Finish => self.timing.long,
            Kind::Identify | Kind::Read | Kind::Activate | Kind::Confirm => self.timing.limit,
        };
        *slot = Some(Slot {
            sequence,
            kind,
            frame: Frame::new(kind as u8, sequence, request.encode().bytes()),
            sent: None,
            due: true,
            give_up: now.saturating_add(limit),
            answer: None,
        });
        Ok(Ticket(sequence))
    }

    /// How many further requests can be submitted.
    #[must_use]
    pub fn room(&self) -> usize {
        self.slots.iter().filter(|slot| slot.is_none()).count()
    }

    /// Takes bytes from the line.
    pub fn receive(&mut self, bytes: &[u8], now: u64) {
        for byte in bytes {
            match self.decoder.take(*byte) {
                None => {}
                Some(Event::Message(message)) if message.kind != NAK => {
                    answered(&mut self.slots, &message);
                }
                // A request or an answer is lost. What the line carries stays in order: it is most likely the oldest one's.
                Some(Event::Message(_) | Event::Broken) => {
                    let retry = self.timing.retry;
                    let sent = |slot: &&mut Slot| slot.sent.is_some() && slot.answer.is_none();
                    if let Some(slot) = oldest(&mut self.slots, self.next, sent) {
                        slot.hurry(now, retry);
                    }
                }
            }
        }
    }

    /// Fills the buffer with bytes for the line and returns how many there are. To be called until it returns 0.
    pub fn transmit(&mut self, now: u64, buffer: &mut [u8]) -> usize {
        let mut filled = 0;
        while filled < buffer.len() {
            if self.sent == self.sending.bytes().len() && !self.take_frame(now) {
                break;
            }
            let waiting = &self.sending.bytes()[self.sent..];
            let count = waiting.len().min(buffer.len() - filled);
            buffer[filled..filled + count].copy_from_slice(&waiting[..count]);
            filled += count;
            self.sent += count;
        }
        filled
    }

    /// The oldest frame that is to be sent now.
    fn take_frame(&mut self, now: u64) -> bool {
        let retry = self.timing.retry;
        let due = |slot: &&mut Slot| slot.when(retry) <= now && slot.answer.is_none();
        let Some(slot) = oldest(&mut self.slots, self.next, due) else {
            return false;
        };
        slot.due = false;
        slot.sent = Some(now);
        self.sending = slot.frame;
        self.sent = 0;
        true
    }

    /// The next request that has ended: with the controller's answer, or without one. Each ends once.
    pub fn poll(&mut self, now: u64) -> Option<(Ticket, Result<Answer, Broken>)> {
        let ended = |slot: &Slot| slot.answer.is_some() || slot.give_up <= now;
        let slots = self.slots.iter_mut();
        let place = slots
            .into_iter()
            .find(|slot| slot.as_ref().is_some_and(ended))?;
        let slot = place.take()?;
        Some((Ticket(slot.sequence), slot.answer.ok_or(Broken::Silent)))
    }

    /// When [`Host::transmit`] and [`Host::poll`] have something to do if no bytes come before; not at all if there is none.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        let retry = self.timing.retry;
        let slots = self.slots.iter().flatten();
        slots
            .map(|slot| match slot.answer {
                Some(_) => 0,
                None => slot.when(retry).min(slot.give_up),
            })
            .min()
    }
}

impl Slot {
    /// When it is to be sent.
    fn when(&self, retry: u64) -> u64 {
        match self.sent {
            Some(sent) if !self.due => sent.saturating_add(retry),
            _ => 0,
        }
    }

    /// It may be lost: it is sent again at once, unless it has just been sent. (A line on which each frame breaks would otherwise
    /// be filled with repetitions.)
    fn hurry(&mut self, now: u64, retry: u64) {
        if self
            .sent
            .is_some_and(|sent| sent.saturating_add(retry / 8) <= now)
        {
            self.due = true;
        }
    }
}

/// The oldest of these requests.
fn oldest<'a>(
    slots: &'a mut [Option<Slot>],
    next: u32,
    which: impl Fn(&&'a mut Slot) -> bool,
) -> Option<&'a mut Slot> {
    let slots = slots.iter_mut().flatten().filter(which);
    slots.max_by_key(|slot| next.wrapping_sub(slot.sequence) & 0xffff)
}

fn answered(slots: &mut [Option<Slot>], message: &Message<'_>) {
    let mut slots = slots.iter_mut().flatten();
    let Some(slot) = slots.find(|slot| slot.sequence == message.sequence) else {
        // To a request that has ended, or was never made.
        return;
    };
    if message.kind == slot.kind as u8 | ANSWER && slot.answer.is_none() {
        slot.answer = Answer::decode(slot.kind, message.content);
    }
}
