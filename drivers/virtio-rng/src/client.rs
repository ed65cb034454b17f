// SPDX-License-Identifier: BSD-2-Clause
//! One client: its queue and its memory.

use molt_entropy_queue::{Request, Server, SlotId};
use molt_virtio::Piece;

/// A client as the driver sees it.
#[derive(Debug)]
pub struct Client<'a> {
    queue: Server<'a>,
    /// Physical address of its memory, and bytes.
    memory: (u64, u64),
    strayed: bool,
}

impl<'a> Client<'a> {
    /// A client with nothing in flight. `memory`: physical address and size in bytes of its memory.
    pub fn new(queue: Server<'a>, memory: (u64, u64)) -> Self {
        Self {
            queue,
            memory,
            strayed: false,
        }
    }

    /// Its queue.
    pub fn queue(&mut self) -> &mut Server<'a> {
        &mut self.queue
    }

    /// The next request, in the form in which the device gets it. A client that breaks the protocol, or asks for bytes outside its
    /// memory, is not answered any more.
    pub(crate) fn next(&mut self) -> Option<(SlotId, Piece)> {
        if self.strayed {
            return None;
        }
        let mut request = Request::default();
        let slot = self.queue.take(&mut request)?.ok();
        let next = slot.zip(self.piece(&request));
        self.strayed = next.is_none();
        next
    }

    /// The piece of physical memory for a request; `None` if it is not in the client's memory.
    fn piece(&self, request: &Request) -> Option<Piece> {
        let (start, size) = self.memory;
        let end = request.offset.checked_add(request.len.into())?;
        let address = start.checked_add(request.offset)?;
        (end <= size).then_some(Piece {
            address,
            len: request.len,
            write: true,
        })
    }
}
