// SPDX-License-Identifier: BSD-2-Clause
//! The part of QEMU's plugin interface that is used here ("QEMU TCG Plugins" in QEMU's documentation, version 1).

use std::ffi::{c_char, c_int, c_uint, c_void};

/// The beginning of QEMU's description of itself.
#[repr(C)]
pub struct Info {
    /// The architecture that it emulates.
    pub target_name: *const c_char,
}

/// A translated block, while it is being translated.
#[repr(C)]
pub struct Translation {
    _opaque: [u8; 0],
}

/// One of its instructions.
#[repr(C)]
pub struct Instruction {
    _opaque: [u8; 0],
}

/// A physical address, for as long as the callback runs that asked for it.
#[repr(C)]
pub struct Physical {
    _opaque: [u8; 0],
}

type Executed = extern "C" fn(c_uint, *mut c_void);
type Accessed = extern "C" fn(c_uint, u32, u64, *mut c_void);

/// `QEMU_PLUGIN_MEM_W`.
pub const WRITES: c_int = 2;

unsafe extern "C" {
    pub fn qemu_plugin_register_vcpu_tb_trans_cb(
        id: u64,
        callback: extern "C" fn(u64, *mut Translation),
    );
    pub fn qemu_plugin_register_vcpu_tb_exec_cb(
        block: *mut Translation,
        callback: Executed,
        flags: c_int,
        data: *mut c_void,
    );
    pub fn qemu_plugin_register_vcpu_insn_exec_cb(
        instruction: *mut Instruction,
        callback: Executed,
        flags: c_int,
        data: *mut c_void,
    );
    pub fn qemu_plugin_register_vcpu_mem_cb(
        instruction: *mut Instruction,
        callback: Accessed,
        flags: c_int,
        accesses: c_int,
        data: *mut c_void,
    );
    pub fn qemu_plugin_get_hwaddr(access: u32, address: u64) -> *const Physical;
    pub fn qemu_plugin_hwaddr_is_io(address: *const Physical) -> bool;
    pub fn qemu_plugin_tb_n_insns(block: *const Translation) -> usize;
    pub fn qemu_plugin_tb_vaddr(block: *const Translation) -> u64;
    pub fn qemu_plugin_tb_get_insn(block: *const Translation, index: usize) -> *mut Instruction;
    pub fn qemu_plugin_insn_data(instruction: *const Instruction) -> *const c_void;
    pub fn qemu_plugin_insn_size(instruction: *const Instruction) -> usize;
    pub fn qemu_plugin_insn_haddr(instruction: *const Instruction) -> *mut c_void;
}
