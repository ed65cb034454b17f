// SPDX-License-Identifier: BSD-2-Clause
//! What the plugin has to know of the machine's instructions.

use crate::block::Watched;

/// The architecture that QEMU emulates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// `aarch64`
    Aarch64,
    /// `x86_64`
    X86_64,
}

/// From here on addresses are a Linux kernel's, whose stores to its devices' registers never reach a device.
const LINUX_KERNEL: u64 = 0xffff << 48;

/// QueueNotify's offset (virtio 1.2, 4.2.2), and the distance between the transports of QEMU's board (its `hw/arm/virt.c`).
const QUEUE_NOTIFY: u64 = 0x50;
const TRANSPORT: u64 = 0x200;

impl Arch {
    /// By QEMU's name for it.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "aarch64" => Some(Self::Aarch64),
            "x86_64" => Some(Self::X86_64),
            _ => None,
        }
    }

    /// Whether an instruction at this address is watched: the marks (`mark_begin` and `mark_end` of `lib/clock`), and what may be a
    /// store to a disk's QueueNotify.
    pub fn watched(self, instruction: &[u8], address: u64) -> Option<Watched> {
        match self {
            Self::Aarch64 => aarch64(instruction, address),
            Self::X86_64 => x86_64(instruction),
        }
    }

    /// Whether a watched store at this address, if a device is there, may be to a disk's QueueNotify. On PCI its place is the
    /// device's choice (virtio 1.2, 4.1.4.4); the other registers of 16 bits are written while the device is started only.
    pub fn may_notify(self, address: u64) -> bool {
        match self {
            Self::Aarch64 => address % TRANSPORT == QUEUE_NOTIFY,
            Self::X86_64 => true,
        }
    }
}

fn aarch64(instruction: &[u8], address: u64) -> Option<Watched> {
    let word = u32::from_le_bytes(instruction.try_into().ok()?);
    match word {
        // Arm ARM, "HINT": 112 and 113 are not allocated.
        0xd503_2e1f => Some(Watched::Begin),
        0xd503_2e3f => Some(Watched::End),
        // Arm ARM, "Loads and stores": STR and STUR of a 32-bit register, with any way of addressing.
        _ if matches!(word & 0xffc0_0000, 0xb800_0000 | 0xb900_0000) => {
            (address < LINUX_KERNEL).then_some(Watched::Store)
        }
        _ => None,
    }
}

/// Intel SDM, volume 2: NOP r/m32 with a displacement of 8 bits; MOV of 16 bits (the prefix 66) to memory, with any REX prefix.
fn x86_64(instruction: &[u8]) -> Option<Watched> {
    match instruction {
        [0x0f, 0x1f, 0x40, 112] => Some(Watched::Begin),
        [0x0f, 0x1f, 0x40, 113] => Some(Watched::End),
        [0x66, 0x89 | 0xc7, ..] | [0x66, 0x40..=0x4f, 0x89 | 0xc7, ..] => Some(Watched::Store),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_stores_are_found() {
        use Watched::{Begin, End, Store};
        let arm = |word: u32, address| Arch::Aarch64.watched(&word.to_le_bytes(), address);
        assert_eq!(arm(0xd503_2e1f, 0), Some(Begin));
        assert_eq!(arm(0xd503_2e3f, LINUX_KERNEL), Some(End));
        assert_eq!(arm(0xd503_201f, 0), None, "NOP");
        assert_eq!(arm(0xb900_0001, 0), Some(Store), "str w1, [x0]");
        assert_eq!(arm(0xb900_0001, LINUX_KERNEL), None);
        let intel = |bytes: &[u8]| Arch::X86_64.watched(bytes, 0);
        assert_eq!(intel(&[0x0f, 0x1f, 0x40, 0x70]), Some(Begin));
        assert_eq!(intel(&[0x0f, 0x1f, 0x40, 0x71]), Some(End));
        assert_eq!(intel(&[0x0f, 0x1f, 0x40, 0x00]), None, "NOP");
        assert_eq!(intel(&[0x66, 0x89, 0x08]), Some(Store), "mov [rax], cx");
        assert_eq!(intel(&[0x66, 0x41, 0x89, 0x08]), Some(Store));
        assert_eq!(intel(&[0x89, 0x08]), None, "mov [rax], ecx");
    }
}
