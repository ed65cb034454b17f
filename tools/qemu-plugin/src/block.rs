// SPDX-License-Identifier: BSD-2-Clause
//! A translated block.

use std::sync::atomic::AtomicU64;

use crate::api::{self, Instruction, Translation};
use crate::{BEGIN, END};

/// A block of instructions that QEMU runs in one go, and how often it was.
pub struct Block {
    /// Where the program has it.
    pub address: u64,
    /// Where QEMU has it: two programs at one address differ in this. 0: not in memory.
    pub host: u64,
    /// Its instructions.
    pub words: Vec<u32>,
    /// Its offset in the kernel's vectors, where it begins one of them.
    pub vector: Option<u64>,
    /// How often it ran since the first mark.
    pub runs: AtomicU64,
}

/// An instruction that is watched.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    /// The first mark.
    Begin,
    /// The second mark.
    End,
    /// A store of a word by a program below the guests' kernel: it may go to a device's register.
    Store,
}

impl Watched {
    fn of(word: u32, address: u64) -> Option<Self> {
        match word {
            BEGIN => Some(Self::Begin),
            END => Some(Self::End),
            // Arm ARM, "Loads and stores": STR and STUR of a 32-bit register, with any way of addressing.
            _ if matches!(word & 0xffc0_0000, 0xb800_0000 | 0xb900_0000) => {
                (address < LINUX_KERNEL).then_some(Self::Store)
            }
            _ => None,
        }
    }
}

/// From here on addresses are a Linux kernel's, whose stores to its devices' registers never reach a device.
const LINUX_KERNEL: u64 = 0xffff << 48;
/// Offsets of the vectors for exceptions from lower levels (Arm ARM, "Exception vectors").
const LOWER: std::ops::Range<u64> = 0x400..0x800;
const VECTOR: u64 = 0x80;

impl Block {
    /// Reads it, and returns what is watched in it.
    ///
    /// # Safety
    /// QEMU is translating the block.
    pub unsafe fn read(
        translation: *const Translation,
        vectors: u64,
    ) -> (Self, Vec<(*mut Instruction, Watched)>) {
        // SAFETY: the caller's promise.
        let (address, count) = unsafe {
            (
                api::qemu_plugin_tb_vaddr(translation),
                api::qemu_plugin_tb_n_insns(translation),
            )
        };
        let (mut words, mut watched, mut host) = (Vec::with_capacity(count), Vec::new(), 0);
        for index in 0..count {
            // SAFETY: below the count, and AArch64's instructions are words.
            let (instruction, word) = unsafe {
                let instruction = api::qemu_plugin_tb_get_insn(translation, index);
                if index == 0 {
                    host = api::qemu_plugin_insn_haddr(instruction) as u64;
                }
                let data = api::qemu_plugin_insn_data(instruction).cast::<u32>();
                let word = match api::qemu_plugin_insn_size(instruction) {
                    4 => data.read_unaligned(),
                    _ => 0,
                };
                (instruction, word)
            };
            let what = Watched::of(word, address);
            watched.extend(what.map(|what| (instruction, what)));
            words.push(word);
        }
        let offset = address.wrapping_sub(vectors);
        let vector = (LOWER.contains(&offset) && offset % VECTOR == 0).then_some(offset);
        let block = Self {
            address,
            host,
            words,
            vector,
            runs: AtomicU64::new(0),
        };
        (block, watched)
    }
}
