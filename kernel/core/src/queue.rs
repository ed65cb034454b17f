// SPDX-License-Identifier: BSD-2-Clause
//! Queues of threads, linked through the threads themselves so that no operation allocates.

use crate::{hardware::Hardware, objects::Tcb, pool::Pool};

/// A thread's neighbours in a queue.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Links {
    pub prev: Option<u32>,
    pub next: Option<u32>,
}

/// A queue's ends.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Queue {
    pub head: Option<u32>,
    pub tail: Option<u32>,
}

/// Which of a thread's two pairs of links a queue uses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Ready and release queues.
    Ready,
    /// Endpoints and notifications.
    Wait,
}

fn links<H: Hardware>(tcbs: &mut Pool<Tcb<H>>, id: u32, kind: Kind) -> &mut Links {
    let tcb = &mut tcbs[id];
    match kind {
        Kind::Ready => &mut tcb.ready_links,
        Kind::Wait => &mut tcb.wait_links,
    }
}

impl Queue {
    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    /// Insert before `next`, or at the end.
    pub fn insert<H: Hardware>(
        &mut self,
        tcbs: &mut Pool<Tcb<H>>,
        kind: Kind,
        id: u32,
        next: Option<u32>,
    ) {
        let prev = match next {
            Some(next) => links(tcbs, next, kind).prev,
            None => self.tail,
        };
        *links(tcbs, id, kind) = Links { prev, next };
        match prev {
            Some(prev) => links(tcbs, prev, kind).next = Some(id),
            None => self.head = Some(id),
        }
        match next {
            Some(next) => links(tcbs, next, kind).prev = Some(id),
            None => self.tail = Some(id),
        }
    }

    /// Insert where the waiting order has it: higher priorities first, first come first served
    /// among equals.
    pub fn insert_by_priority<H: Hardware>(&mut self, tcbs: &mut Pool<Tcb<H>>, id: u32) {
        let priority = tcbs[id].priority;
        let mut before = self.head;
        while let Some(other) = before {
            if tcbs[other].priority < priority {
                break;
            }
            before = tcbs[other].wait_links.next;
        }
        self.insert(tcbs, Kind::Wait, id, before);
    }

    /// Take out.
    pub fn remove<H: Hardware>(&mut self, tcbs: &mut Pool<Tcb<H>>, kind: Kind, id: u32) {
        let Links { prev, next } = core::mem::take(links(tcbs, id, kind));
        match prev {
            Some(prev) => links(tcbs, prev, kind).next = next,
            None => self.head = next,
        }
        match next {
            Some(next) => links(tcbs, next, kind).prev = prev,
            None => self.tail = prev,
        }
    }
}
