// SPDX-License-Identifier: BSD-2-Clause
//! What boots on x86_64: the root task as an ELF of 64 bits, which a multiboot loader puts into memory beside the kernel.
//!
//! The kernel finds the root task's program headers, copies the segments to memory of its choice and maps them, all of them
//! readable, writable and executable. There is no loader of ours: the machine's is one (QEMU's `-kernel`, GRUB).

use crate::root::RootTask;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{Immutable, IntoBytes};

/// The file's header and its one program header (System V ABI, chapters 4 and 5).
#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct Headers {
    /// Magic, 64 bits, little endian, version 1, System V.
    ident: [u8; 16],
    /// ET_EXEC, EM_X86_64, version 1.
    kind: U16,
    machine: U16,
    version: U32,
    entry: U64,
    program_headers: U64,
    section_headers: U64,
    flags: U32,
    /// Bytes of this header, of a program header; program headers; bytes of a section header, and two more of sections.
    sizes: [U16; 6],
    /// PT_LOAD; readable, writable, executable.
    segment_kind: U32,
    segment_flags: U32,
    offset: U64,
    vaddr: U64,
    paddr: U64,
    file_size: U64,
    memory_size: U64,
    alignment: U64,
}

/// Where the segment is in the file: a page, as its alignment.
const OFFSET: u64 = 0x1000;

/// The module.
pub fn pack(root: &RootTask) -> Vec<u8> {
    let size = U64::new(root.bytes.len() as u64);
    let headers = Headers {
        ident: *b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0",
        kind: U16::new(2),
        machine: U16::new(62),
        version: U32::new(1),
        entry: U64::new(root.entry),
        program_headers: U64::new(64),
        section_headers: U64::ZERO,
        flags: U32::ZERO,
        sizes: [64, 56, 1, 64, 0, 0].map(U16::new),
        segment_kind: U32::new(1),
        segment_flags: U32::new(7),
        offset: U64::new(OFFSET),
        vaddr: U64::new(root.vaddr),
        paddr: U64::new(root.vaddr),
        file_size: size,
        memory_size: size,
        alignment: U64::new(OFFSET),
    };
    let mut bytes = headers.as_bytes().to_vec();
    bytes.resize(OFFSET as usize, 0);
    bytes.extend_from_slice(&root.bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::Elf;
    use molt_sdk::Arch;

    #[test]
    fn the_module_is_an_elf_that_holds_the_root_task() {
        let root = RootTask {
            vaddr: 0x20_0000,
            entry: 0x20_0123,
            bytes: (0..0x2345_u32).map(|n| n as u8).collect(),
        };
        let elf = Elf::parse(Arch::X86_64, &pack(&root)).unwrap();
        assert_eq!(elf.entry, root.entry);
        let [segment] = &elf.segments[..] else {
            panic!("{} segments", elf.segments.len());
        };
        assert_eq!((segment.vaddr, &segment.data), (root.vaddr, &root.bytes));
        assert!(segment.read && segment.write && segment.execute);
    }
}
