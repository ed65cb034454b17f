// SPDX-License-Identifier: BSD-2-Clause
//! Program images: their segments in memory, and the symbols that can be set.

use crate::error::ElfError;
use molt_sdk::Arch;
use molt_system::layout::{SMALL_PAGE, TOOL_AREA, TOOL_END, Top};
use object::elf::{EM_AARCH64, EM_X86_64, ET_EXEC, FileHeader64, PF_R, PF_W, PF_X, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{LittleEndian, Object, ObjectSymbol};
use std::collections::BTreeMap;

/// Virtual addresses end here (a kernel's own, too).
const HIGHEST: u64 = 1 << 48;

/// A loaded segment: everything of it, BSS included.
#[derive(Clone, Debug)]
pub struct Segment {
    pub vaddr: u64,
    pub paddr: u64,
    pub data: Vec<u8>,
    /// How many bytes of `data` come from the file, and their offset in it.
    pub file_size: usize,
    pub file_offset: usize,
    pub read: bool,
    pub write: bool,
    pub execute: bool,
}

impl Segment {
    /// First address of its first page.
    pub fn first_page(&self) -> u64 {
        self.vaddr & !(SMALL_PAGE - 1)
    }

    /// First address behind its last page.
    pub fn end_page(&self) -> u64 {
        (self.vaddr + self.data.len() as u64).next_multiple_of(SMALL_PAGE)
    }
}

/// A program image.
#[derive(Clone, Debug)]
pub struct Elf {
    pub entry: u64,
    pub segments: Vec<Segment>,
    symbols: BTreeMap<String, (u64, u64)>,
}

/// The architecture that a program image is for; AArch64 if it is no image at all, which is refused later.
pub fn arch_of(bytes: &[u8]) -> Arch {
    let machine = FileHeader64::<LittleEndian>::parse(bytes)
        .and_then(|header| Ok(header.e_machine(header.endian()?)));
    match machine {
        Ok(EM_X86_64) => Arch::X86_64,
        _ => Arch::Aarch64,
    }
}

fn format(error: object::Error) -> ElfError {
    ElfError::Format(error.to_string())
}

impl Elf {
    /// Reads a static ELF for an architecture.
    pub fn parse(arch: Arch, bytes: &[u8]) -> Result<Self, ElfError> {
        let header = FileHeader64::<LittleEndian>::parse(bytes).map_err(format)?;
        let endian = header.endian().map_err(format)?;
        let machine = match arch {
            Arch::Aarch64 => EM_AARCH64,
            Arch::X86_64 => EM_X86_64,
        };
        if header.e_machine(endian) != machine || header.e_type(endian) != ET_EXEC {
            return Err(ElfError::Machine(arch));
        }
        let mut segments = Vec::new();
        for program in header.program_headers(endian, bytes).map_err(format)? {
            if program.p_type(endian) != PT_LOAD || program.p_memsz(endian) == 0 {
                continue;
            }
            let file = program
                .data(endian, bytes)
                .map_err(|()| ElfError::Format("segment outside the file".to_owned()))?;
            let size = usize::try_from(program.p_memsz(endian)).unwrap_or(usize::MAX);
            let end = program.p_vaddr(endian).checked_add(size as u64);
            if end.is_none_or(|end| end > HIGHEST) {
                return Err(ElfError::Format(format!(
                    "segment at {:#x}, beyond every address space",
                    program.p_vaddr(endian)
                )));
            }
            if size < file.len() || size > 1 << 30 {
                return Err(ElfError::Format(format!("segment of {size:#x} bytes")));
            }
            let mut data = file.to_vec();
            data.resize(size, 0);
            let flags = program.p_flags(endian);
            segments.push(Segment {
                vaddr: program.p_vaddr(endian),
                paddr: program.p_paddr(endian),
                data,
                file_size: file.len(),
                file_offset: usize::try_from(program.p_offset(endian)).unwrap_or(usize::MAX),
                read: flags.contains(PF_R),
                write: flags.contains(PF_W),
                execute: flags.contains(PF_X),
            });
        }
        segments.sort_by_key(|s| s.vaddr);
        for pair in segments.windows(2) {
            if let [a, b] = pair
                && a.end_page() > b.first_page()
            {
                return Err(ElfError::SharedPage(a.vaddr, b.vaddr));
            }
        }
        if segments.is_empty() {
            return Err(ElfError::Format("nothing to load".to_owned()));
        }
        Ok(Elf {
            entry: header.e_entry(endian),
            segments,
            symbols: Self::symbols(bytes)?,
        })
    }

    fn symbols(bytes: &[u8]) -> Result<BTreeMap<String, (u64, u64)>, ElfError> {
        let file = object::read::elf::ElfFile64::<LittleEndian>::parse(bytes).map_err(format)?;
        let named = file.symbols().filter(|s| s.is_definition());
        Ok(named
            .filter_map(|s| Some((s.name().ok()?.to_owned(), (s.address(), s.size()))))
            .collect())
    }

    /// Refuses segments where a PD has its stack, its IPC buffer, or, if it has any, pages of the tool's.
    pub fn check_place(
        &self,
        top: Top,
        stack_size: u64,
        has_tool_area: bool,
    ) -> Result<(), ElfError> {
        for segment in &self.segments {
            let (start, end) = (segment.first_page(), segment.end_page());
            if end > top.stack - stack_size {
                return Err(ElfError::Place(segment.vaddr, "the stack"));
            }
            if has_tool_area && start < TOOL_END && TOOL_AREA < end {
                return Err(ElfError::Place(
                    segment.vaddr,
                    "what the tool maps from 0xf000000000",
                ));
            }
        }
        Ok(())
    }

    /// Takes the symbols of another image (Microkit's `path_for_symbols`).
    pub fn use_symbols_of(&mut self, other: Elf) {
        self.symbols = other.symbols;
    }

    /// Address and size of a symbol.
    pub fn symbol(&self, name: &str) -> Option<(u64, u64)> {
        self.symbols.get(name).copied()
    }

    /// Sets a symbol of exactly these bytes.
    pub fn set(&mut self, name: &str, value: &[u8]) -> Result<(), ElfError> {
        let (address, size) = self
            .symbol(name)
            .ok_or_else(|| ElfError::NoSymbol(name.to_owned()))?;
        if size != value.len() as u64 {
            return Err(ElfError::SymbolSize(
                name.to_owned(),
                size,
                value.len() as u64,
            ));
        }
        let place = self
            .at(address, value.len())
            .ok_or_else(|| ElfError::SymbolPlace(name.to_owned()))?;
        place.copy_from_slice(value);
        Ok(())
    }

    /// Sets a symbol of 8 bytes.
    pub fn set_word(&mut self, name: &str, value: u64) -> Result<(), ElfError> {
        self.set(name, &value.to_le_bytes())
    }

    /// The bytes of a symbol, where it lies in a loaded segment.
    pub fn content(&self, name: &str) -> Option<&[u8]> {
        let (address, size) = self.symbol(name)?;
        self.segments.iter().find_map(|segment| {
            let start = usize::try_from(address.checked_sub(segment.vaddr)?).ok()?;
            let end = start.checked_add(usize::try_from(size).ok()?)?;
            segment.data.get(start..end)
        })
    }

    fn at(&mut self, address: u64, length: usize) -> Option<&mut [u8]> {
        self.segments.iter_mut().find_map(|segment| {
            let start = usize::try_from(address.checked_sub(segment.vaddr)?).ok()?;
            segment.data.get_mut(start..start.checked_add(length)?)
        })
    }

    /// The original file with the segments' bytes as they are now. Fails where a symbol of `set` lies outside the file's
    /// bytes.
    pub fn write_back(&self, file: &[u8], set: &[&str]) -> Result<Vec<u8>, ElfError> {
        for name in set {
            let Some((address, size)) = self.symbol(name) else {
                continue;
            };
            let in_file =
                |s: &Segment| address >= s.vaddr && address + size <= s.vaddr + s.file_size as u64;
            if !self.segments.iter().any(in_file) {
                return Err(ElfError::SymbolPlace((*name).to_owned()));
            }
        }
        let mut patched = file.to_vec();
        for segment in &self.segments {
            let place =
                patched.get_mut(segment.file_offset..segment.file_offset + segment.file_size);
            if let (Some(place), Some(data)) = (place, segment.data.get(..segment.file_size)) {
                place.copy_from_slice(data);
            }
        }
        Ok(patched)
    }
}
