// SPDX-License-Identifier: BSD-2-Clause
//! One client: its queue.

use molt_sensor_queue::{Request, Server, SlotId};

/// A client as the driver sees it.
#[derive(Debug)]
pub struct Client<'a> {
    queue: Server<'a>,
}

impl<'a> Client<'a> {
    /// A client with nothing in flight.
    pub fn new(queue: Server<'a>) -> Self {
        Self { queue }
    }

    /// Its queue.
    pub fn queue(&mut self) -> &mut Server<'a> {
        &mut self.queue
    }

    /// The next request: its slot and the sensor. A client that breaks the protocol is not answered any more.
    pub(crate) fn next(&mut self) -> Option<(SlotId, u32)> {
        let mut request = Request::default();
        let slot = self.queue.take(&mut request)?.ok()?;
        Some((slot, request.sensor))
    }
}
