// SPDX-License-Identifier: BSD-2-Clause
//! The part of the `sel4` crate's API (rust-sel4 5.0) that Molt uses, on a stable compiler.
//!
//! Names and signatures are upstream's, so that a program can be built against either. What
//! upstream does not have is made on top of it, in the crate `sel4-extra`.
//! The scope is MCS on AArch64 (in hypervisor mode) and x86_64 (without VT-x); what differs between them stands in
//! `arch`. Numbers that are part of the kernel's ABI stand in [`sys`], with assertions.
//!
//! The thread's IPC buffer is set once with [`set_ipc_buffer`] and is then implicit. A program
//! with more than one thread gives every thread but one its buffer explicitly, with
//! [`Cap::with`]: there is no thread-local storage here.
#![no_std]

mod arch;
mod bootinfo;
mod cap_rights;
mod cnode;
mod cnode_cap_data;
mod context;
mod cptr;
mod domain_set;
mod error;
mod fault;
pub mod init_thread;
mod invoke;
mod ipc_buffer;
mod irq;
mod message_info;
mod note;
mod object;
mod page;
mod sched;
pub mod sys;
mod syscalls;
mod tcb;
mod vm_attributes;

pub use sel4_config::{self as config, sel4_cfg_bool, sel4_cfg_if, sel4_cfg_str, sel4_cfg_usize};

pub use arch::top_level::*;
pub use bootinfo::{
    BootInfo, BootInfoExtra, BootInfoExtraId, BootInfoExtraIter, BootInfoPtr, UntypedDesc,
};
pub use cap_rights::{CapRights, CapRightsBuilder};
pub use cnode_cap_data::CNodeCapData;
pub use context::{
    ImplicitInvocationContext, InvocationContext, NoExplicitInvocationContext, set_ipc_buffer,
    with_ipc_buffer, with_ipc_buffer_mut,
};
pub use cptr::{
    AbsoluteCPtr, CPtr, CPtrBits, CPtrWithDepth, Cap, CapType, HasCPtrWithDepth, cap, cap_type,
};
pub use error::{Error, Result};
pub use fault::{CapFault, Fault, NullFault, Timeout, UnknownSyscall, UserException, VmFault};
pub use ipc_buffer::IpcBuffer;
pub use message_info::{MessageInfo, MessageInfoBuilder};
pub use object::{
    CapTypeForFrameObject, CapTypeForFrameObjectOfFixedSize, CapTypeForObject,
    CapTypeForObjectOfFixedSize, CapTypeForObjectOfVariableSize, ObjectBlueprint, ObjectType,
};
pub use syscalls::{
    Badge, CallWithMRs, FastMessages, NUM_FAST_MESSAGE_REGISTERS, NUM_MESSAGE_REGISTERS,
    RecvWithMRs, r#yield,
};
pub use tcb::TcbFlagsBuilder;
pub use vm_attributes::VmAttributes;

/// A machine word (`seL4_Word`).
pub type Word = u64;

/// Microseconds (`seL4_Time`).
pub type Time = u64;

/// The size of a [`Word`] in bits.
pub const WORD_SIZE: usize = 64;

/// Authority to reply: on an MCS kernel, a reply object.
pub type ReplyAuthority<C = NoExplicitInvocationContext> = cap::Reply<C>;

/// Types that convey a [`ReplyAuthority`].
pub trait ConveysReplyAuthority {
    /// The invocation context that it carries.
    type C;

    /// The authority itself.
    fn into_reply_authority(self) -> ReplyAuthority<Self::C>;
}

impl<C> ConveysReplyAuthority for ReplyAuthority<C> {
    type C = C;

    fn into_reply_authority(self) -> ReplyAuthority<C> {
        self
    }
}
