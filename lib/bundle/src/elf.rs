// SPDX-License-Identifier: BSD-2-Clause
//! The payload: a static ELF executable of 64 bits.

use molt_doorbell::Reason;
use object::elf::{
    EM_AARCH64, EM_X86_64, ET_EXEC, FileHeader64, PF_R, PF_W, PF_X, PT_DYNAMIC, PT_INTERP, PT_LOAD,
    PT_TLS,
};
use object::endian::LittleEndian;
use object::read::elf::{FileHeader, ProgramHeader};

type Elf = FileHeader64<LittleEndian>;

/// The machine that an image has to be made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// AArch64
    Aarch64,
    /// x86_64
    X86_64,
}

impl Machine {
    /// `e_machine`, and what the address of each instruction is a multiple of.
    fn numbers(self) -> (object::elf::Machine, u64) {
        match self {
            Self::Aarch64 => (EM_AARCH64, 4),
            Self::X86_64 => (EM_X86_64, 1),
        }
    }
}

/// Where an image may lie in its address space, and how much of it there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The machine that it runs on.
    pub machine: Machine,
    /// First address that a segment may use.
    pub start: u64,
    /// First address behind.
    pub end: u64,
    /// Bytes that all segments together may take, in whole pages.
    pub memory: u64,
}

/// A segment to be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Its first address.
    pub vaddr: u64,
    /// Its size in memory in bytes, at least `data.len()`. Bytes that are not in the file are zero.
    pub size: u64,
    /// Its bytes in the file.
    pub data: &'a [u8],
    /// It may be written.
    pub writable: bool,
    /// It may be executed. Never with `writable`.
    pub executable: bool,
}

const PAGE: u64 = 4096;

/// The segments to load, checked one by one: in the file, in the window, not overlapping in pages with the one before
/// (ELF wants `PT_LOAD` in ascending order), none writable and executable, no interpreter, no dynamic section, no TLS.
///
/// # Errors
/// [`Reason::NotElf`], [`Reason::ElfBounds`], [`Reason::WriteExecute`] or [`Reason::ArenaFull`].
pub fn segments(
    file: &[u8],
    window: Window,
) -> Result<impl Iterator<Item = Result<Segment<'_>, Reason>>, Reason> {
    let header = parse(file, window.machine)?;
    let table = header
        .program_headers(LittleEndian, file)
        .map_err(|_| Reason::ElfBounds)?;
    let mut below = window.start;
    let mut left = window.memory;
    Ok(table.iter().filter_map(move |entry| {
        match entry.p_type(LittleEndian) {
            PT_INTERP | PT_DYNAMIC | PT_TLS => Some(Err(Reason::NotElf)),
            PT_LOAD if entry.p_memsz(LittleEndian) > 0 => {
                Some(segment(file, entry).and_then(|segment| {
                    let end = segment.vaddr.checked_add(segment.size);
                    let end = end.filter(|end| *end <= window.end && segment.vaddr >= below);
                    // Beyond `window.end` there is no page; `next_multiple_of` cannot overflow.
                    let end = end.ok_or(Reason::ElfBounds)?.next_multiple_of(PAGE);
                    below = end;
                    let pages = end - segment.vaddr / PAGE * PAGE;
                    left = left.checked_sub(pages).ok_or(Reason::ArenaFull)?;
                    Ok(segment)
                }))
            }
            _ => None,
        }
    }))
}

/// The address of the first instruction, which must lie in an executable segment.
///
/// # Errors
/// As [`segments`]; [`Reason::ElfBounds`] if the entry is in none.
pub fn entry(file: &[u8], window: Window) -> Result<u64, Reason> {
    let entry = parse(file, window.machine)?.e_entry(LittleEndian);
    let mut found = false;
    for segment in segments(file, window)? {
        let segment = segment?;
        found |= segment.executable
            && entry >= segment.vaddr
            && entry - segment.vaddr < segment.data.len() as u64
            && entry.is_multiple_of(window.machine.numbers().1);
    }
    if found {
        Ok(entry)
    } else {
        Err(Reason::ElfBounds)
    }
}

fn parse(file: &[u8], machine: Machine) -> Result<&Elf, Reason> {
    let header = Elf::parse(file).map_err(|_| Reason::NotElf)?;
    let right = header.is_little_endian()
        && header.e_machine(LittleEndian) == machine.numbers().0
        && header.e_type(LittleEndian) == ET_EXEC;
    if right {
        Ok(header)
    } else {
        Err(Reason::NotElf)
    }
}

fn segment<'a>(
    file: &'a [u8],
    entry: &<Elf as FileHeader>::ProgramHeader,
) -> Result<Segment<'a>, Reason> {
    let flags = entry.p_flags(LittleEndian).0;
    let (readable, writable, executable) = (
        flags & PF_R.0 != 0,
        flags & PF_W.0 != 0,
        flags & PF_X.0 != 0,
    );
    if writable && executable {
        return Err(Reason::WriteExecute);
    }
    let data = entry
        .data(LittleEndian, file)
        .map_err(|()| Reason::ElfBounds)?;
    let size = entry.p_memsz(LittleEndian);
    if size < data.len() as u64 || !(readable || executable) {
        return Err(Reason::ElfBounds);
    }
    Ok(Segment {
        vaddr: entry.p_vaddr(LittleEndian),
        size,
        data,
        writable,
        executable,
    })
}
