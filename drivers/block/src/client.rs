// SPDX-License-Identifier: BSD-2-Clause
//! One client: its queue, its share of the disk, and the order that its flushes demand.

use molt_block_queue::{Op, Request, Server, SlotId, Violation};

use crate::share::Share;

/// Which client, in the order of [`crate::Driver::attach`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientId(pub u8);

/// A client as the driver sees it.
#[derive(Debug)]
pub struct Client<'a> {
    queue: Server<'a>,
    share: Share,
    /// A flush that was taken and waits for all requests before it.
    held: Option<SlotId>,
    /// Requests that are with the device.
    in_flight: u16,
    /// A flush is with the device: no later request is started.
    flushing: bool,
    violation: Option<Violation>,
}

impl<'a> Client<'a> {
    /// A client with nothing in flight.
    pub fn new(queue: Server<'a>, share: Share) -> Self {
        Self {
            queue,
            share,
            held: None,
            in_flight: 0,
            flushing: false,
            violation: None,
        }
    }

    /// What it may reach.
    pub fn share(&self) -> &Share {
        &self.share
    }

    /// Its queue.
    pub fn queue(&mut self) -> &mut Server<'a> {
        &mut self.queue
    }

    /// The protocol violation in its queue, if there was one: nothing more is taken from it.
    pub fn violation(&self) -> Option<Violation> {
        self.violation
    }

    /// Takes the next request that may be run now into `request`.
    pub(crate) fn next(&mut self, request: &mut Request) -> Option<SlotId> {
        if self.flushing {
            return None;
        }
        if self.held.is_none() {
            match self.queue.take(request)? {
                Ok(slot) if request.op == Op::Flush => self.held = Some(slot),
                Ok(slot) => return Some(slot),
                Err(violation) => {
                    self.violation = Some(violation);
                    return None;
                }
            }
        }
        if self.in_flight > 0 {
            return None;
        }
        *request = Request::flush();
        self.held.take()
    }

    pub(crate) fn submitted(&mut self, op: Op) {
        self.in_flight += 1;
        self.flushing |= op == Op::Flush;
    }

    pub(crate) fn answered(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
        // While a flush is with the device it is the only one.
        self.flushing = false;
    }
}
