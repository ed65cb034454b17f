// SPDX-License-Identifier: BSD-2-Clause
//! Each rule, broken once; and arbitrary damage of the ELF.

mod common;

use common::*;
use molt_bundle::{Component, DRIVER_PAYLOAD, Identity, Reason, Trust, segments, verify};
use proptest::prelude::*;

#[test]
fn a_good_one_passes_and_its_segments_are_found() {
    let bundle = bundle(&component().identity, 5, &good_elf());
    let verified = verify(&bundle, &component(), Trust::Keys(&ring()), Some(4)).expect("verifies");
    assert_eq!((verified.sequence, verified.entry), (5, 0x20_0100));
    assert_eq!(verified.key, Some(1));
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
fn what_it_is_for() {
    let of = |identity: &Identity, sequence| refusal(&bundle(identity, sequence, &good_elf()));
    assert_eq!(of(&component().identity, 5), None);
    assert_eq!(
        of(&component().identity, 4),
        Some(Reason::OldSequence),
        "the committed one"
    );
    assert_eq!(of(&component().identity, 3), Some(Reason::OldSequence));
    assert_eq!(of(&identity("other"), 5), Some(Reason::WrongDevice));
    let other = |vendor, class, abi, capsule| {
        let identity = Identity::new(vendor, class, "virtio,mmio", abi, capsule);
        of(&identity, 5)
    };
    assert_eq!(other("x", "block", 1, 0), Some(Reason::WrongVendor));
    assert_eq!(other("molt", "net", 1, 0), Some(Reason::WrongClass));
    assert_eq!(other("molt", "block", 2, 0), Some(Reason::WrongClass));
    assert_eq!(other("molt", "block", 1, 1), Some(Reason::WrongClass));
}

#[test]
fn a_bundle_for_another_component_is_refused() {
    let bundle = bundle(&component().identity, 5, &good_elf());
    let other = Component {
        class: b"net",
        ..component()
    };
    let end = verify(&bundle, &other, Trust::Keys(&ring()), Some(4));
    assert_eq!(
        end.map_err(|refusal| refusal.reason).err(),
        Some(Reason::WrongComponent)
    );
}

#[test]
fn the_factory_image_needs_a_right_digest_and_no_signature() {
    let elf = good_elf();
    let manifest = manifest(&component().identity, 0, &elf);
    let bundle = envelope(&manifest, &[], &[(DRIVER_PAYLOAD, &elf)]);
    assert!(verify(&bundle, &component(), Trust::Image, None).is_ok());
    assert_eq!(refusal(&bundle), Some(Reason::NotSigned));
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
    fn an_arbitrary_elf_header_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64), at in 0usize..200) {
        let mut elf = good_elf();
        for (target, byte) in elf.iter_mut().skip(at).zip(bytes) { *target = byte; }
        let _ = refusal_of(&elf);
    }
}
