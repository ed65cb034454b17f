// SPDX-License-Identifier: BSD-2-Clause
//! The kernel objects' own state.

use alloc::vec::Vec;

use crate::{
    context::UserContext,
    fault::Fault,
    hardware::Hardware,
    queue::{Links, Queue},
    refill::Refills,
};

/// The state of a thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// Does not run until somebody resumes it.
    Inactive,
    /// Runs (if it has time).
    Running,
    /// Runs, from its restart address.
    Restart,
    /// In an endpoint's queue, to receive.
    Receive { endpoint: u32, reply: Option<u32> },
    /// In an endpoint's queue, to send.
    Send {
        endpoint: u32,
        badge: u64,
        grant: bool,
        grant_reply: bool,
        call: bool,
    },
    /// Waits for a reply through this object.
    Reply { reply: u32 },
    /// In a notification's queue.
    Notification { notification: u32 },
}

/// Slots of a thread's own table.
pub(crate) const TCB_CSPACE: u32 = 0;
pub(crate) const TCB_VSPACE: u32 = 1;
pub(crate) const TCB_BUFFER: u32 = 2;
pub(crate) const TCB_FAULT: u32 = 3;
pub(crate) const TCB_TIMEOUT: u32 = 4;
/// log2 of the slots in it.
pub(crate) const TCB_RADIX: u8 = 3;

/// A thread.
pub(crate) struct Tcb<H: Hardware> {
    pub base: u64,
    pub context: UserContext,
    pub state: State,
    pub priority: u8,
    pub mcp: u8,
    /// Its scheduling context.
    pub sc: Option<u32>,
    /// Its bound notification.
    pub notification: Option<u32>,
    /// Its own slots.
    pub table: u32,
    /// Virtual address of the IPC buffer.
    pub buffer: u64,
    /// The fault it is waiting about, or that is being delivered.
    pub fault: Option<Fault>,
    /// The scheduling context that it yielded to, until it runs again.
    pub yield_to: Option<u32>,
    pub vcpu: Option<u32>,
    pub flags: u64,
    /// In a ready queue, or in the release queue.
    pub queued: Queued,
    pub ready_links: Links,
    pub wait_links: Links,
    pub arch: H::ThreadState,
}

/// Which of the scheduler's queues a thread is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Queued {
    No,
    Ready,
    Release,
}

/// What the threads that wait at an endpoint want.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Waiting {
    Nobody,
    Senders,
    Receivers,
}

pub(crate) struct Endpoint {
    pub base: u64,
    pub waiting: Waiting,
    pub queue: Queue,
}

pub(crate) struct Notification {
    pub base: u64,
    /// Signalled and not yet taken.
    pub active: Option<u64>,
    pub queue: Queue,
    pub bound: Option<u32>,
    /// A scheduling context that it donates to the thread that takes the signal.
    pub sc: Option<u32>,
}

/// What is above a reply object in a call stack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Above {
    Nothing,
    /// The reply of the next call.
    Reply(u32),
    /// The scheduling context that the whole stack lent.
    Context(u32),
}

pub(crate) struct Reply {
    pub base: u64,
    /// The thread that waits for the reply (or the receiver that will use the object).
    pub tcb: Option<u32>,
    pub above: Above,
    pub below: Option<u32>,
}

pub(crate) struct SchedContext {
    pub base: u64,
    pub bits: u8,
    pub refills: Refills,
    /// Ticks used since somebody asked.
    pub consumed: u64,
    pub badge: u64,
    pub sporadic: bool,
    pub tcb: Option<u32>,
    /// Head of the call stack that lent it.
    pub reply: Option<u32>,
    pub notification: Option<u32>,
    /// The thread that yielded to it and waits for it to run.
    pub yield_from: Option<u32>,
}

pub(crate) struct Vcpu<H: Hardware> {
    pub base: u64,
    pub tcb: Option<u32>,
    pub arch: H::VcpuState,
}

/// An interrupt line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum IrqLine {
    /// Masked; there is no handler.
    Free,
    /// A handler capability exists.
    Issued,
    /// The kernel's own.
    Reserved,
}

/// Lines by number.
pub(crate) type IrqLines = Vec<IrqLine>;
