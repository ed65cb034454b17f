// SPDX-License-Identifier: BSD-2-Clause
//! Each rule, broken once; and arbitrary damage.

use molt_bundle::{Component, HEADER_LENGTH, Identity, Reason, Window, pack, segments, verify};
use proptest::prelude::*;

const WINDOW: Window = Window {
    start: 0x20_0000,
    end: 0x100_0000,
    memory: 0x10_0000,
};

const CONFIGURATION: [u8; 32] = [7; 32];

fn component() -> Component {
    Component {
        identity: identity("virtio,mmio"),
        window: WINDOW,
        configuration: CONFIGURATION,
    }
}

fn identity(device: &str) -> Identity {
    Identity::new("molt", "block", device, 1, 0).expect("short names")
}

struct Load {
    flags: u32,
    vaddr: u64,
    file: u64,
    size: u64,
}

/// An ELF with these loads, all of whose bytes lie at the file's offset 0.
fn elf_of(machine: u16, kind: u16, loads: &[Load]) -> Vec<u8> {
    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(16, 0);
    elf.extend(kind.to_le_bytes());
    elf.extend(machine.to_le_bytes());
    elf.extend(1u32.to_le_bytes());
    elf.extend(0x20_0100u64.to_le_bytes());
    elf.extend(64u64.to_le_bytes());
    elf.extend(0u64.to_le_bytes());
    elf.extend(0u32.to_le_bytes());
    for half in [64u16, 56, loads.len() as u16, 64, 0, 0] {
        elf.extend(half.to_le_bytes());
    }
    for load in loads {
        elf.extend(1u32.to_le_bytes());
        elf.extend(load.flags.to_le_bytes());
        for word in [0, load.vaddr, load.vaddr, load.file, load.size, 0x1000] {
            elf.extend(word.to_le_bytes());
        }
    }
    elf.resize(0x400, 0);
    elf
}

const TEXT: Load = Load {
    flags: 5,
    vaddr: 0x20_0000,
    file: 0x400,
    size: 0x400,
};

fn good_elf() -> Vec<u8> {
    elf_of(
        183,
        2,
        &[
            TEXT,
            Load {
                flags: 6,
                vaddr: 0x20_1000,
                file: 0x10,
                size: 0x3000,
            },
        ],
    )
}

fn bundle(identity: &Identity, sequence: u64, payload: &[u8]) -> Vec<u8> {
    [&pack(identity, sequence, payload)[..], payload].concat()
}

fn refusal(bundle: &[u8]) -> Option<Reason> {
    verify(bundle, &component(), Some(4)).err()
}

fn refusal_of(elf: &[u8]) -> Option<Reason> {
    refusal(&bundle(&component().identity, 5, elf))
}

#[test]
fn a_good_one_passes_and_its_segments_are_found() {
    let bundle = bundle(&component().identity, 5, &good_elf());
    let verified = verify(&bundle, &component(), Some(4)).expect("verifies");
    assert_eq!((verified.sequence, verified.entry), (5, 0x20_0100));
    let found: Vec<_> = segments(verified.payload, WINDOW)
        .expect("ELF")
        .collect::<Result<_, _>>()
        .expect("segments");
    assert_eq!(found.len(), 2);
    assert_eq!(
        (found[1].vaddr, found[1].size, found[1].data.len()),
        (0x20_1000, 0x3000, 0x10)
    );
}

/// A good ELF with a note about the configuration that it was built for.
fn elf_with_note(digest: [u8; 32]) -> Vec<u8> {
    const AT: usize = 0x300;
    let note = Load {
        flags: 4,
        vaddr: 0,
        file: 52,
        size: 52,
    };
    let mut elf = elf_of(183, 2, &[TEXT, note]);
    let header = 64 + 56;
    elf[header..header + 4].copy_from_slice(&4u32.to_le_bytes());
    elf[header + 8..header + 16].copy_from_slice(&(AT as u64).to_le_bytes());
    elf[header + 48..header + 56].copy_from_slice(&4u64.to_le_bytes());
    let words = [5u32, 32, 1].map(u32::to_le_bytes).concat();
    let note = [&words[..], b"Molt\0\0\0\0", &digest].concat();
    elf[AT..AT + note.len()].copy_from_slice(&note);
    elf
}

#[test]
fn a_driver_for_another_configuration_is_refused() {
    assert_eq!(refusal_of(&elf_with_note(CONFIGURATION)), None);
    let another = refusal_of(&elf_with_note([8; 32]));
    assert_eq!(another, Some(Reason::WrongConfiguration));
}

#[test]
fn headers() {
    let good = bundle(&component().identity, 5, &good_elf());
    assert_eq!(refusal(&good), None);
    assert_eq!(refusal(&good[..100]), Some(Reason::Truncated));
    assert_eq!(refusal(&good[..good.len() - 1]), Some(Reason::Truncated));
    let mut damaged = good.clone();
    damaged[0] ^= 1;
    assert_eq!(refusal(&damaged), Some(Reason::NotABundle));
    let mut damaged = good.clone();
    damaged[20] ^= 1;
    assert_eq!(refusal(&damaged), Some(Reason::HeaderDigest));
    let mut damaged = good.clone();
    damaged[HEADER_LENGTH - 1] = 1;
    assert_eq!(refusal(&damaged), Some(Reason::NotABundle));
    let mut damaged = good.clone();
    damaged[HEADER_LENGTH + 9] ^= 1;
    assert_eq!(refusal(&damaged), Some(Reason::PayloadDigest));
    assert_eq!(
        refusal(&bundle(&identity("other"), 5, &good_elf())),
        Some(Reason::WrongDevice)
    );
    assert_eq!(
        refusal(&bundle(&component().identity, 4, &good_elf())),
        Some(Reason::OldSequence)
    );
    let other = |vendor, class, abi, capsule| {
        let identity = Identity::new(vendor, class, "virtio,mmio", abi, capsule).expect("short");
        refusal(&bundle(&identity, 5, &good_elf()))
    };
    assert_eq!(other("x", "block", 1, 0), Some(Reason::WrongVendor));
    assert_eq!(other("molt", "net", 1, 0), Some(Reason::WrongClass));
    assert_eq!(other("molt", "block", 2, 0), Some(Reason::WrongAbi));
    assert_eq!(other("molt", "block", 1, 1), Some(Reason::WrongSchema));
}

#[test]
fn elves() {
    assert_eq!(refusal_of(b"#!/bin/sh"), Some(Reason::NotElf));
    assert_eq!(refusal_of(&elf_of(62, 2, &[TEXT])), Some(Reason::NotElf));
    assert_eq!(refusal_of(&elf_of(183, 3, &[TEXT])), Some(Reason::NotElf));
    assert_eq!(refusal_of(&elf_of(183, 2, &[])), Some(Reason::ElfBounds));
    let one = |load: Load| refusal_of(&elf_of(183, 2, &[load]));
    assert_eq!(one(Load { flags: 7, ..TEXT }), Some(Reason::WriteExecute));
    assert_eq!(
        one(Load {
            file: 0x401,
            size: 0x401,
            ..TEXT
        }),
        Some(Reason::ElfBounds)
    );
    assert_eq!(
        one(Load {
            size: 0x3ff,
            ..TEXT
        }),
        Some(Reason::ElfBounds)
    );
    assert_eq!(
        one(Load {
            vaddr: 0x1f_f000,
            ..TEXT
        }),
        Some(Reason::ElfBounds)
    );
    assert_eq!(
        one(Load {
            vaddr: 0xff_fc01,
            ..TEXT
        }),
        Some(Reason::ElfBounds)
    );
    assert_eq!(
        one(Load {
            vaddr: u64::MAX - 4,
            ..TEXT
        }),
        Some(Reason::ElfBounds)
    );
    assert_eq!(
        one(Load {
            size: u64::MAX,
            ..TEXT
        }),
        Some(Reason::ElfBounds)
    );
    assert_eq!(
        one(Load {
            size: 0x10_0001,
            ..TEXT
        }),
        Some(Reason::ArenaFull)
    );
    assert_eq!(
        one(Load { flags: 4, ..TEXT }),
        Some(Reason::ElfBounds),
        "the entry is not executable"
    );
    let same_page = Load {
        flags: 6,
        vaddr: 0x20_0400,
        file: 0,
        size: 8,
    };
    assert_eq!(
        refusal_of(&elf_of(183, 2, &[TEXT, same_page])),
        Some(Reason::ElfBounds)
    );
}

proptest! {
    #[test]
    fn damage_never_panics_and_never_passes(position in 0usize..0x500, bit in 0u8..8, cut in 0usize..0x600) {
        let good = bundle(&component().identity, 5, &good_elf());
        let mut damaged = good.clone();
        damaged[position % good.len()] ^= 1 << bit;
        prop_assert!(refusal(&damaged).is_some());
        prop_assert_eq!(refusal(&good[..cut.min(good.len())]).is_none(), cut >= good.len());
    }

    #[test]
    fn an_arbitrary_elf_header_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64), at in 0usize..200) {
        let mut elf = good_elf();
        for (target, byte) in elf.iter_mut().skip(at).zip(bytes) { *target = byte; }
        let _ = refusal_of(&elf);
    }
}
