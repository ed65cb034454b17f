// SPDX-License-Identifier: BSD-2-Clause
//! Numbers of the seL4 16.0 ABI on x86_64 (MCS, no VT-x).
#![allow(non_upper_case_globals, non_camel_case_types)]

use crate::Word;
use sel4_config::{consts, object_size};

/// Object types for `Untyped_Retype` beyond those of every architecture.
pub(crate) mod arch_object_type {
    pub const PDPT: u32 = 7;
    pub const PML4: u32 = 8;
    pub const HUGE_PAGE: u32 = 9;
    pub const PAGE_4K: u32 = 10;
    pub const LARGE_PAGE: u32 = 11;
    pub const PAGE_TABLE: u32 = 12;
    pub const PAGE_DIRECTORY: u32 = 13;
    pub const IO_PAGE_TABLE: u32 = 14;
}

/// log2 of the size in bytes of a translation table of any level, the first one and those of I/O included.
pub const seL4_PageTableBits: u32 = object_size::page_table;
/// log2 of the entries of a translation table of any level.
pub const seL4_PageTableIndexBits: u32 = 9;
/// log2 of the size in bytes of a VSpace (its first table).
pub const seL4_VSpaceBits: u32 = object_size::vspace;
/// log2 of the size in bytes of a translation table of I/O.
pub const seL4_IOPageTableBits: u32 = object_size::io_page_table;
/// The last address a user program can have.
pub const seL4_UserVSpaceTop: Word = 0x7fff_ffff_efff;

/// Registers of a thread, in the order of `TCB_ReadRegisters` and `TCB_WriteRegisters`.
#[repr(C)]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub struct seL4_UserContext {
    pub rip: Word,
    pub rsp: Word,
    pub rflags: Word,
    pub rax: Word,
    pub rbx: Word,
    pub rcx: Word,
    pub rdx: Word,
    pub rsi: Word,
    pub rdi: Word,
    pub rbp: Word,
    pub r8: Word,
    pub r9: Word,
    pub r10: Word,
    pub r11: Word,
    pub r12: Word,
    pub r13: Word,
    pub r14: Word,
    pub r15: Word,
    pub fs_base: Word,
    pub gs_base: Word,
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
}

const _: () = {
    assert!(size_of::<seL4_UserContext>() == 20 * size_of::<Word>());
    assert!(
        consts::HUGE_PAGE && consts::IOMMU,
        "object types above are numbered with both"
    );
    assert!(!consts::VTX, "with VT-x the kernel has more object types");
    assert!(consts::SYSCALL, "the kernel is entered by SYSCALL");
};
