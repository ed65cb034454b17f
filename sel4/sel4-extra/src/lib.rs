// SPDX-License-Identifier: BSD-2-Clause
//! Invocations that rust-sel4 5.0 lacks and Molt needs.
//!
//! They use only the public part of the `sel4` crate, so that they work with upstream's crate as
//! well. All are methods of extension traits, which a program imports by name.
#![no_std]
#![deny(unsafe_code)]

mod arch;
mod invoke;
mod printing;
mod root_task;

pub use arch::*;
pub use invoke::CapExt;
#[doc(hidden)]
pub use printing::__debug_print;
#[doc(hidden)]
pub use root_task::__start_root_task;
#[doc(hidden)]
pub use sel4 as _sel4;

use sel4::{
    AbsoluteCPtr, Fault, InvocationContext, IpcBuffer, MessageInfo, Result, Time, Word, cap,
    sys::invocation_label as label,
};

/// `SchedControl_ConfigureFlags`: the thread is woken by the kernel at every period if it waits.
pub const SCHED_CONTEXT_SPORADIC: Word = 1;

/// The fault in a message, or `None` if it is not the kernel's message of a fault that either crate knows.
///
/// Upstream's `Fault::new` (and with it `sel4_microkit::MessageInfo::fault`) panics at another label, at
/// a length that is not that fault's, and at a debug exception (4), which a breakpoint is on a debug
/// kernel. Use this function instead if the message can be one of these.
pub fn try_fault(ipc_buffer: &IpcBuffer, info: &MessageInfo) -> Option<Fault> {
    match (info.label(), info.length()) {
        // None, capability fault: not of one length.
        (0 | 1, _)
        // User exception, timeout, memory fault.
        | (3, 5) | (5, 2) | (6, 4) => Some(Fault::new(ipc_buffer, info)),
        (label, length) if arch::is_fault(label, length) => Some(Fault::new(ipc_buffer, info)),
        _ => None,
    }
}

/// Scheduling contexts.
pub trait SchedContextExt {
    /// `seL4_SchedContext_Bind` to a thread.
    fn bind_tcb(self, tcb: cap::Tcb) -> Result<()>;
    /// `seL4_SchedContext_Bind` to a notification.
    fn bind_notification(self, notification: cap::Notification) -> Result<()>;
    /// `seL4_SchedContext_UnbindObject`.
    fn unbind_object(self, object: cap::Unspecified) -> Result<()>;
    /// `seL4_SchedContext_Consumed`: microseconds since this was last asked.
    fn consumed(self) -> Result<Time>;
    /// `seL4_SchedContext_YieldTo`: microseconds that the other has consumed.
    fn yield_to(self) -> Result<Time>;
}

impl<C: InvocationContext> SchedContextExt for cap::SchedContext<C> {
    fn bind_tcb(self, tcb: cap::Tcb) -> Result<()> {
        self.order(label::SchedContextBind, &[tcb.bits()], &[])
    }

    fn bind_notification(self, notification: cap::Notification) -> Result<()> {
        self.order(label::SchedContextBind, &[notification.bits()], &[])
    }

    fn unbind_object(self, object: cap::Unspecified) -> Result<()> {
        self.order(label::SchedContextUnbindObject, &[object.bits()], &[])
    }

    fn consumed(self) -> Result<Time> {
        self.request(label::SchedContextConsumed, &[], &[])
            .map(|[first, ..]| first)
    }

    fn yield_to(self) -> Result<Time> {
        self.request(label::SchedContextYieldTo, &[], &[])
            .map(|[first, ..]| first)
    }
}

/// Threads.
pub trait TcbExt {
    /// `seL4_TCB_SetIPCBuffer`: at `address`, in the page `frame`.
    fn set_ipc_buffer(self, address: Word, frame: cap::Granule) -> Result<()>;
    /// `seL4_TCB_CopyRegisters`.
    fn copy_registers(
        self,
        source: cap::Tcb,
        suspend_source: bool,
        resume_target: bool,
        transfer_frame: bool,
        transfer_integer: bool,
    ) -> Result<()>;
}

impl<C: InvocationContext> TcbExt for cap::Tcb<C> {
    fn set_ipc_buffer(self, address: Word, frame: cap::Granule) -> Result<()> {
        self.order(label::TCBSetIPCBuffer, &[frame.bits()], &[address])
    }

    fn copy_registers(
        self,
        source: cap::Tcb,
        suspend_source: bool,
        resume_target: bool,
        transfer_frame: bool,
        transfer_integer: bool,
    ) -> Result<()> {
        let flags = Word::from(suspend_source)
            | Word::from(resume_target) << 1
            | Word::from(transfer_frame) << 2
            | Word::from(transfer_integer) << 3;
        self.order(label::TCBCopyRegisters, &[source.bits()], &[flags])
    }
}

/// Slots.
pub trait AbsoluteCPtrExt {
    /// `seL4_CNode_CancelBadgedSends`.
    fn cancel_badged_sends(self) -> Result<()>;
    /// `seL4_CNode_Rotate`: `pivot` moves here, and `src` to the pivot's slot.
    fn rotate(
        self,
        badge: Word,
        pivot: &AbsoluteCPtr,
        pivot_badge: Word,
        src: &AbsoluteCPtr,
    ) -> Result<()>;
}

impl<C: InvocationContext> AbsoluteCPtrExt for AbsoluteCPtr<C> {
    fn cancel_badged_sends(self) -> Result<()> {
        let words = [self.path().bits(), self.path().depth() as Word];
        self.into_root()
            .order(label::CNodeCancelBadgedSends, &[], &words)
    }

    fn rotate(
        self,
        badge: Word,
        pivot: &AbsoluteCPtr,
        pivot_badge: Word,
        src: &AbsoluteCPtr,
    ) -> Result<()> {
        let words = [
            self.path().bits(),
            self.path().depth() as Word,
            badge,
            pivot.path().bits(),
            pivot.path().depth() as Word,
            pivot_badge,
            src.path().bits(),
            src.path().depth() as Word,
        ];
        let caps = [pivot.root().bits(), src.root().bits()];
        self.into_root().order(label::CNodeRotate, &caps, &words)
    }
}
