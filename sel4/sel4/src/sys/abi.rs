// SPDX-License-Identifier: BSD-2-Clause
//! Numbers of the seL4 16.0 ABI (MCS) that do not depend on the architecture.
#![allow(non_upper_case_globals, non_snake_case, non_camel_case_types)]

pub use crate::arch::abi::*;
pub use sel4_config::invocation_label;

use crate::Word;
use sel4_config::{consts, object_size};

/// System call numbers.
#[allow(missing_docs)]
pub mod syscall_id {
    pub const Call: i32 = -1;
    pub const ReplyRecv: i32 = -2;
    pub const NBSendRecv: i32 = -3;
    pub const NBSendWait: i32 = -4;
    pub const Send: i32 = -5;
    pub const NBSend: i32 = -6;
    pub const Recv: i32 = -7;
    pub const NBRecv: i32 = -8;
    pub const Wait: i32 = -9;
    pub const NBWait: i32 = -10;
    pub const Yield: i32 = -11;
}

/// Object types for `Untyped_Retype` that every architecture has.
pub(crate) mod object_type {
    pub const UNTYPED: u32 = 0;
    pub const TCB: u32 = 1;
    pub const ENDPOINT: u32 = 2;
    pub const NOTIFICATION: u32 = 3;
    pub const CNODE: u32 = 4;
    pub const SCHED_CONTEXT: u32 = 5;
    pub const REPLY: u32 = 6;
}

/// log2 of the size in bytes of a capability slot.
pub const seL4_SlotBits: u32 = object_size::slot;
/// log2 of the size in bytes of an endpoint.
pub const seL4_EndpointBits: u32 = object_size::endpoint;
/// log2 of the size in bytes of a notification.
pub const seL4_NotificationBits: u32 = object_size::notification;
/// log2 of the size in bytes of a reply object.
pub const seL4_ReplyBits: u32 = object_size::reply;
/// log2 of the size in bytes of a TCB; the debug registers double it.
pub const seL4_TCBBits: u32 = object_size::tcb;
/// log2 of the size in bytes of the smallest scheduling context.
pub const seL4_MinSchedContextBits: u32 = 7;
/// The size of one refill, in bytes.
pub const seL4_RefillSizeBytes: u32 = 16;
/// log2 of the size in bytes of a page.
pub const seL4_PageBits: u32 = object_size::small_page;
/// log2 of the size in bytes of a large page.
pub const seL4_LargePageBits: u32 = object_size::large_page;
/// log2 of the size in bytes of a huge page.
pub const seL4_HugePageBits: u32 = object_size::huge_page;
/// log2 of the size in bytes of an ASID pool.
pub const seL4_ASIDPoolBits: u32 = object_size::asid_pool;
/// log2 of the VSpaces that an ASID pool serves.
pub const seL4_ASIDPoolIndexBits: u32 = 9;
/// log2 of the size in bytes of the smallest untyped.
pub const seL4_MinUntypedBits: u32 = object_size::min_untyped_bits;
/// log2 of the size in bytes of the largest untyped.
pub const seL4_MaxUntypedBits: u32 = object_size::max_untyped_bits;
/// Message registers of an IPC buffer.
pub(crate) const seL4_MsgMaxLength: u32 = 120;
/// Capabilities that one message can carry.
pub(crate) const seL4_MsgMaxExtraCaps: u32 = 3;
/// Message registers that travel in machine registers.
pub const seL4_FastMessageRegisters: u32 = 4;

/// The IPC buffer as the kernel lays it out.
#[repr(C)]
pub struct seL4_IPCBuffer {
    /// Not written by the kernel; the tag travels in a register.
    _tag: Word,
    /// Message registers; the first four travel in machine registers.
    pub msg: [Word; seL4_MsgMaxLength as usize],
    /// Free for the program.
    pub userData: Word,
    /// Sent: capability pointers. Received: badges of unwrapped capabilities.
    pub caps_or_badges: [Word; seL4_MsgMaxExtraCaps as usize],
    /// The CNode that the receive slot is looked up in.
    pub receiveCNode: Word,
    /// The receive slot's index.
    pub receiveIndex: Word,
    /// How many bits of the index are to be resolved.
    pub receiveDepth: Word,
}

/// One of the untypeds in [`seL4_BootInfo`].
#[repr(C)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct seL4_UntypedDesc {
    /// Physical address.
    pub paddr: Word,
    /// log2 of the size in bytes.
    pub sizeBits: u8,
    /// Not 0: device memory.
    pub isDevice: u8,
    /// Unused.
    pub padding: [u8; 6],
}

/// Slots `start..end` of the root task's CNode.
#[repr(C)]
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub struct seL4_SlotRegion {
    /// The first slot.
    pub start: Word,
    /// The slot after the last.
    pub end: Word,
}

/// Untypeds that a [`seL4_BootInfo`] has room for.
pub(crate) const MAX_NUM_BOOTINFO_UNTYPED_CAPS: usize =
    sel4_config::parse_decimal(consts::MAX_NUM_BOOTINFO_UNTYPED_CAPS);

/// What the kernel tells the root task.
#[repr(C)]
#[derive(Debug)]
#[allow(missing_docs)]
pub struct seL4_BootInfo {
    pub extraLen: Word,
    pub nodeID: Word,
    pub numNodes: Word,
    pub numIOPTLevels: Word,
    pub ipcBuffer: *mut seL4_IPCBuffer,
    pub empty: seL4_SlotRegion,
    pub sharedFrames: seL4_SlotRegion,
    pub userImageFrames: seL4_SlotRegion,
    pub userImagePaging: seL4_SlotRegion,
    pub ioSpaceCaps: seL4_SlotRegion,
    pub extraBIPages: seL4_SlotRegion,
    pub initThreadCNodeSizeBits: Word,
    pub initThreadDomain: Word,
    pub schedcontrol: seL4_SlotRegion,
    pub untyped: seL4_SlotRegion,
    pub untypedList: [seL4_UntypedDesc; MAX_NUM_BOOTINFO_UNTYPED_CAPS],
}

/// Words of a [`seL4_UserContext`].
pub(crate) const USER_CONTEXT_WORDS: usize = size_of::<seL4_UserContext>() / size_of::<Word>();

const _: () = {
    assert!(size_of::<seL4_IPCBuffer>() == 1024);
    assert!(core::mem::offset_of!(seL4_IPCBuffer, userData) == 968);
    assert!(core::mem::offset_of!(seL4_IPCBuffer, caps_or_badges) == 976);
    assert!(core::mem::offset_of!(seL4_IPCBuffer, receiveDepth) == 1016);
    assert!(core::mem::offset_of!(seL4_BootInfo, ipcBuffer) == 32);
    assert!(core::mem::offset_of!(seL4_BootInfo, userImageFrames) == 72);
    assert!(core::mem::offset_of!(seL4_BootInfo, initThreadCNodeSizeBits) == 136);
    assert!(core::mem::offset_of!(seL4_BootInfo, untyped) == 168);
    assert!(core::mem::offset_of!(seL4_BootInfo, untypedList) == 184);
    assert!(size_of::<seL4_UntypedDesc>() == 16);
    assert!(MAX_NUM_BOOTINFO_UNTYPED_CAPS != 230 || size_of::<seL4_BootInfo>() == 3864);
    // The labels in front of the first one that a configuration can shift.
    assert!(invocation_label::UntypedRetype == 1);
    assert!(invocation_label::TCBUnbindNotification == 15);
    let shift = if consts::HARDWARE_DEBUG_API { 4 } else { 0 };
    assert!(invocation_label::TCBSetTLSBase == 16 + shift);
    assert!(invocation_label::CNodeRevoke == 18 + shift);
    assert!(invocation_label::IRQAckIRQ == 27 + shift);
};
