// SPDX-License-Identifier: BSD-2-Clause
//! The rules for a driver's ELF, each broken once, whatever envelope the ELF comes in.

use molt_bundle::{Machine, Reason, Window, entry, segments};

const WINDOW: Window = Window {
    machine: Machine::Aarch64,
    start: 0x20_0000,
    end: 0x100_0000,
    memory: 0x10_0000,
};

const AARCH64: u16 = 183;
const X86_64: u16 = 62;
const EXECUTABLE: u16 = 2;
const SHARED_OBJECT: u16 = 3;

const LOAD: u32 = 1;
const DYNAMIC: u32 = 2;
const INTERPRETER: u32 = 3;
const NOTE: u32 = 4;
const TLS: u32 = 7;

const READ_EXECUTE: u32 = 5;
const READ_WRITE: u32 = 6;

/// A program header; its bytes begin at the file's offset 0.
#[derive(Clone, Copy)]
struct Part {
    kind: u32,
    flags: u32,
    vaddr: u64,
    file: u64,
    size: u64,
}

const TEXT: Part = Part {
    kind: LOAD,
    flags: READ_EXECUTE,
    vaddr: 0x20_0000,
    file: 0x400,
    size: 0x400,
};
const DATA: Part = Part {
    kind: LOAD,
    flags: READ_WRITE,
    vaddr: 0x20_1000,
    file: 0x10,
    size: 0x3000,
};

/// An ELF of 1 KiB with these parts.
struct Elf {
    machine: u16,
    kind: u16,
    entry: u64,
    parts: Vec<Part>,
}

impl Elf {
    fn of(parts: &[Part]) -> Self {
        Self {
            machine: AARCH64,
            kind: EXECUTABLE,
            entry: 0x20_0100,
            parts: parts.to_vec(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
        elf.resize(16, 0);
        elf.extend([self.kind, self.machine].map(u16::to_le_bytes).concat());
        elf.extend(1u32.to_le_bytes());
        elf.extend([self.entry, 64, 0].map(u64::to_le_bytes).concat());
        elf.extend(0u32.to_le_bytes());
        let halves = [64, 56, self.parts.len() as u16, 64, 0, 0];
        elf.extend(halves.map(u16::to_le_bytes).concat());
        for part in &self.parts {
            elf.extend([part.kind, part.flags].map(u32::to_le_bytes).concat());
            let words = [0, part.vaddr, part.vaddr, part.file, part.size, 0x1000];
            elf.extend(words.map(u64::to_le_bytes).concat());
        }
        elf.resize(0x400, 0);
        elf
    }

    /// What `stage` does with it before it builds.
    fn refusal(&self) -> Option<Reason> {
        entry(&self.bytes(), WINDOW).err()
    }
}

fn refusal(parts: &[Part]) -> Option<Reason> {
    Elf::of(parts).refusal()
}

#[test]
fn a_static_executable_is_taken_and_its_segments_are_found() {
    let elf = Elf::of(&[TEXT, DATA, Part { kind: NOTE, ..TEXT }]).bytes();
    assert_eq!(entry(&elf, WINDOW), Ok(0x20_0100));
    let found: Vec<_> = segments(&elf, WINDOW)
        .expect("an ELF")
        .map(|segment| segment.expect("a segment"))
        .map(|s| (s.vaddr, s.size, s.data.len(), s.writable, s.executable))
        .collect();
    assert_eq!(
        found,
        [
            (0x20_0000, 0x400, 0x400, false, true),
            (0x20_1000, 0x3000, 0x10, true, false)
        ]
    );
}

#[test]
fn what_is_no_executable_for_this_machine_is_refused() {
    assert_eq!(entry(b"#!/bin/sh", WINDOW), Err(Reason::NotElf));
    for (machine, kind) in [(X86_64, EXECUTABLE), (AARCH64, SHARED_OBJECT)] {
        let elf = Elf {
            machine,
            kind,
            ..Elf::of(&[TEXT])
        };
        assert_eq!(elf.refusal(), Some(Reason::NotElf));
    }
}

#[test]
fn an_interpreter_is_refused() {
    let interpreter = Part {
        kind: INTERPRETER,
        ..TEXT
    };
    assert_eq!(refusal(&[TEXT, interpreter]), Some(Reason::NotElf));
}

#[test]
fn a_dynamic_section_is_refused() {
    let dynamic = Part {
        kind: DYNAMIC,
        ..DATA
    };
    assert_eq!(refusal(&[TEXT, DATA, dynamic]), Some(Reason::NotElf));
}

#[test]
fn thread_local_storage_is_refused() {
    let tls = Part { kind: TLS, ..DATA };
    assert_eq!(refusal(&[TEXT, DATA, tls]), Some(Reason::NotElf));
}

#[test]
fn a_segment_is_not_both_writable_and_executable() {
    for flags in [3, 7] {
        let both = Part { flags, ..DATA };
        assert_eq!(refusal(&[TEXT, both]), Some(Reason::WriteExecute));
    }
}

#[test]
fn a_segment_lies_in_the_file() {
    let beyond = Part {
        file: 0x401,
        size: 0x401,
        ..TEXT
    };
    assert_eq!(refusal(&[beyond]), Some(Reason::ElfBounds));
    let longer_than_its_memory = Part {
        size: 0x3ff,
        ..TEXT
    };
    assert_eq!(refusal(&[longer_than_its_memory]), Some(Reason::ElfBounds));
}

#[test]
fn a_segment_lies_in_the_window() {
    let entry_in_text = |part: Part| refusal(&[TEXT, part]);
    let last = Part {
        vaddr: WINDOW.end - 0x1000,
        size: 0x1000,
        ..DATA
    };
    assert_eq!(entry_in_text(last), None);
    for (vaddr, size) in [
        (WINDOW.end - 0x1000, 0x1001),
        (WINDOW.end, 0x10),
        (u64::MAX - 0xf, 0x10),
        (0x20_1000, u64::MAX - 0x20_1000),
        (0x20_1000, u64::MAX),
    ] {
        assert_eq!(
            entry_in_text(Part {
                vaddr,
                size,
                ..DATA
            }),
            Some(Reason::ElfBounds),
            "{size:#x} bytes at {vaddr:#x}"
        );
    }
    let below = Part {
        vaddr: WINDOW.start - 0x1000,
        ..DATA
    };
    assert_eq!(refusal(&[below, TEXT]), Some(Reason::ElfBounds));
}

#[test]
fn segments_share_no_page() {
    let same_page = Part {
        vaddr: 0x20_0400,
        size: 0x10,
        ..DATA
    };
    assert_eq!(refusal(&[TEXT, same_page]), Some(Reason::ElfBounds));
    assert_eq!(
        refusal(&[DATA, TEXT]),
        Some(Reason::ElfBounds),
        "descending"
    );
}

#[test]
fn all_segments_together_fit_the_memory() {
    // A page for the text is left out of it.
    let rest = WINDOW.memory - 0x1000;
    let of = |size| refusal(&[TEXT, Part { size, ..DATA }]);
    assert_eq!(of(rest), None);
    assert_eq!(of(rest + 1), Some(Reason::ArenaFull));
}

#[test]
fn the_entry_is_an_instruction_of_the_file() {
    let at = |entry| Elf {
        entry,
        ..Elf::of(&[TEXT, DATA])
    };
    assert_eq!(at(0x20_03fc).refusal(), None);
    for (entry, why) in [
        (0x20_0102, "misaligned"),
        (0x20_0400, "behind the text"),
        (0x1f_fffc, "in front of it"),
        (0x20_1000, "not executable"),
    ] {
        assert_eq!(at(entry).refusal(), Some(Reason::ElfBounds), "{why}");
    }
    assert_eq!(refusal(&[]), Some(Reason::ElfBounds), "no segment at all");
    let unreadable = Part { flags: 0, ..DATA };
    assert_eq!(refusal(&[TEXT, unreadable]), Some(Reason::ElfBounds));
}
