// SPDX-License-Identifier: BSD-2-Clause
//! Numbers of the seL4 16.0 ABI on AArch64 (MCS, hypervisor mode, 40-bit physical addresses).
#![allow(non_upper_case_globals, non_camel_case_types)]

use crate::Word;
use sel4_config::{consts, object_size};

/// Object types for `Untyped_Retype` beyond those of every architecture.
pub(crate) mod arch_object_type {
    pub const HUGE_PAGE: u32 = 7;
    pub const VSPACE: u32 = 8;
    pub const SMALL_PAGE: u32 = 9;
    pub const LARGE_PAGE: u32 = 10;
    pub const PAGE_TABLE: u32 = 11;
    pub const VCPU: u32 = 12;
}

/// log2 of the size in bytes of a page table.
pub const seL4_PageTableBits: u32 = object_size::page_table;
/// log2 of the entries of a page table.
pub const seL4_PageTableIndexBits: u32 = 9;
/// log2 of the size in bytes of a VSpace (its root table: two concatenated ones at stage 2).
pub const seL4_VSpaceBits: u32 = object_size::vspace;
/// log2 of the entries of a VSpace.
pub const seL4_VSpaceIndexBits: u32 = if consts::ARM_PA_SIZE_BITS_40 { 10 } else { 9 };
/// log2 of the size in bytes of a vCPU.
pub const seL4_VCPUBits: u32 = object_size::vcpu;
/// The last address a user program can have.
pub const seL4_UserVSpaceTop: Word = if consts::ARM_PA_SIZE_BITS_40 {
    0x00ff_ffff_ffff
} else {
    0x0fff_ffff_ffff
};

/// Registers of a thread, in the order of `TCB_ReadRegisters` and `TCB_WriteRegisters`.
#[repr(C)]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub struct seL4_UserContext {
    pub pc: Word,
    pub sp: Word,
    pub spsr: Word,
    pub x0: Word,
    pub x1: Word,
    pub x2: Word,
    pub x3: Word,
    pub x4: Word,
    pub x5: Word,
    pub x6: Word,
    pub x7: Word,
    pub x8: Word,
    pub x16: Word,
    pub x17: Word,
    pub x18: Word,
    pub x29: Word,
    pub x30: Word,
    pub x9: Word,
    pub x10: Word,
    pub x11: Word,
    pub x12: Word,
    pub x13: Word,
    pub x14: Word,
    pub x15: Word,
    pub x19: Word,
    pub x20: Word,
    pub x21: Word,
    pub x22: Word,
    pub x23: Word,
    pub x24: Word,
    pub x25: Word,
    pub x26: Word,
    pub x27: Word,
    pub x28: Word,
    pub tpidr_el0: Word,
    pub tpidrro_el0: Word,
}

/// Fault types: labels of fault messages.
pub(crate) mod fault {
    pub const NULL: u64 = 0;
    pub const CAP: u64 = 1;
    pub const UNKNOWN_SYSCALL: u64 = 2;
    pub const USER_EXCEPTION: u64 = 3;
    pub const DEBUG_EXCEPTION: u64 = 4;
    pub const TIMEOUT: u64 = 5;
    pub const VM: u64 = 6;
    pub const VGIC_MAINTENANCE: u64 = 7;
    pub const VCPU: u64 = 8;
    pub const VPPI_EVENT: u64 = 9;
}

const _: () = assert!(size_of::<seL4_UserContext>() == 36 * size_of::<Word>());
