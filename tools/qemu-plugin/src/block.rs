// SPDX-License-Identifier: BSD-2-Clause
//! A translated block.

use std::sync::atomic::AtomicU64;

use crate::Options;
use crate::api::{self, Instruction, Translation};
use crate::arch::Arch;

/// A block of instructions that QEMU runs in one go, and how often it was.
pub struct Block {
    /// Where the program has it.
    pub address: u64,
    /// Where QEMU has it: two programs at one address differ in this. 0: not in memory.
    pub host: u64,
    /// Its instructions' bytes, in the order of memory.
    pub instructions: Vec<Vec<u8>>,
    /// The place at which it enters the kernel, if it does so whenever a block runs before it that is none of the kernel's: the
    /// vector's offset (AArch64), or its address.
    pub entry: Option<u64>,
    /// Whether it is the kernel's, where its address says so (x86_64).
    pub is_kernel: bool,
    /// How often it ran since the first mark.
    pub runs: AtomicU64,
}

/// An instruction that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// The first mark.
    Begin,
    /// The second mark.
    End,
    /// A store by a program below the guests' kernel, as wide as QueueNotify: it may go to a device's register.
    Store,
}

/// Offsets of the vectors for exceptions from lower levels (Arm ARM, "Exception vectors").
const LOWER: std::ops::Range<u64> = 0x400..0x800;
const VECTOR: u64 = 0x80;
/// From here on addresses are the kernel's on x86_64 (Intel SDM, volume 1, 3.3.7.1: the upper half of the canonical addresses).
const UPPER_HALF: u64 = 0xffff_8000_0000_0000;

impl Block {
    /// Reads it, and returns what is watched in it.
    ///
    /// # Safety
    /// QEMU is translating the block.
    pub unsafe fn read(
        translation: *const Translation,
        options: &Options,
    ) -> (Self, Vec<(*mut Instruction, Watched)>) {
        // SAFETY: the caller's promise.
        let (address, count) = unsafe {
            (
                api::qemu_plugin_tb_vaddr(translation),
                api::qemu_plugin_tb_n_insns(translation),
            )
        };
        let (mut instructions, mut watched) = (Vec::with_capacity(count), Vec::new());
        let mut host = 0;
        for index in 0..count {
            // SAFETY: below the count, and the bytes are as many as the size says.
            let (instruction, bytes) = unsafe {
                let instruction = api::qemu_plugin_tb_get_insn(translation, index);
                if index == 0 {
                    host = api::qemu_plugin_insn_haddr(instruction) as u64;
                }
                let data = api::qemu_plugin_insn_data(instruction).cast::<u8>();
                let size = api::qemu_plugin_insn_size(instruction);
                (
                    instruction,
                    std::slice::from_raw_parts(data, size).to_owned(),
                )
            };
            let what = options.arch.watched(&bytes, address);
            watched.extend(what.map(|what| (instruction, what)));
            instructions.push(bytes);
        }
        let is_kernel = options.arch == Arch::X86_64 && address >= UPPER_HALF;
        let offset = address.wrapping_sub(options.vectors);
        let entry = match options.arch {
            Arch::Aarch64 => {
                (LOWER.contains(&offset) && offset.is_multiple_of(VECTOR)).then_some(offset)
            }
            Arch::X86_64 => is_kernel.then_some(address),
        };
        let block = Self {
            address,
            host,
            instructions,
            entry,
            is_kernel,
            runs: AtomicU64::new(0),
        };
        (block, watched)
    }
}
