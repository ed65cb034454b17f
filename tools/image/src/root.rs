// SPDX-License-Identifier: BSD-2-Clause
//! The root task: `monitor`'s program with the packed system behind it.

use crate::elf::Elf;
use crate::error::ElfError;
use molt_sdk::Arch;
use molt_system::layout::SMALL_PAGE;

/// The root task as one piece of memory.
pub struct RootTask {
    pub vaddr: u64,
    pub entry: u64,
    pub bytes: Vec<u8>,
}

/// A program without a system.
pub fn bare(arch: Arch, program: &[u8]) -> Result<RootTask, ElfError> {
    Ok(memory(&Elf::parse(arch, program)?, &[]))
}

/// Puts the packed system at the page behind the program and tells it by `molt_system` and `molt_system_size`.
pub fn root_task(arch: Arch, monitor: &[u8], packed: &[u8]) -> Result<RootTask, ElfError> {
    let mut elf = Elf::parse(arch, monitor)?;
    elf.set_word("molt_system", end(&elf))?;
    elf.set_word("molt_system_size", packed.len() as u64)?;
    Ok(memory(&elf, packed))
}

fn end(elf: &Elf) -> u64 {
    elf.segments
        .iter()
        .map(crate::elf::Segment::end_page)
        .max()
        .unwrap_or_default()
}

fn memory(elf: &Elf, packed: &[u8]) -> RootTask {
    let vaddr = elf
        .segments
        .first()
        .map_or(0, crate::elf::Segment::first_page);
    let program = (end(elf) - vaddr) as usize;
    let size = program + packed.len().next_multiple_of(SMALL_PAGE as usize);
    let mut bytes = Vec::with_capacity(size);
    for segment in &elf.segments {
        bytes.resize((segment.vaddr - vaddr) as usize, 0);
        bytes.extend_from_slice(&segment.data);
    }
    bytes.resize(program, 0);
    bytes.extend_from_slice(packed);
    bytes.resize(size, 0);
    RootTask {
        vaddr,
        entry: elf.entry,
        bytes,
    }
}
