// SPDX-License-Identifier: BSD-2-Clause
//! A firmware image from the program that the compiler has made.

use molt_controller_banks::layout::{APPLICATION, APPLICATION_END, BANK};
use molt_firmware::{Content, PREFIX, prefix};
use object::elf::PT_LOAD;
use object::read::elf::{ElfFile32, FileHeader, ProgramHeader};
use object::{Architecture, Endianness, Object};

/// Why a program is no firmware.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The file cannot be understood.
    #[error("not an ELF of 32 bits: {0}")]
    Elf(#[from] object::Error),
    /// It is for another processor.
    #[error("the program is not for a Cortex-M")]
    Processor,
    /// A part of it is somewhere else.
    #[error(
        "the program has a part at {0:#x} to {1:#x}, and an application's memory is {APPLICATION:#x} to {APPLICATION_END:#x}"
    )]
    Place(u64, u64),
    /// There is nothing in it.
    #[error("the program is empty")]
    Empty,
    /// It is too large.
    #[error(
        "the program has {0} bytes, and a bank of the flash takes {BANK}, with the image's header"
    )]
    TooLarge(usize),
}

/// What an image is released as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// The version of the firmware.
    pub version: u32,
    /// Its security counter.
    pub counter: u32,
}

/// The signed image of a program. The same program and release give the same bytes.
///
/// # Errors
/// [`ProgramError`].
pub fn image(elf: &[u8], release: Release, seed: &[u8; 32]) -> Result<Vec<u8>, ProgramError> {
    let payload = flat(elf)?;
    if payload.len() + PREFIX > BANK as usize {
        return Err(ProgramError::TooLarge(payload.len()));
    }
    let content = Content {
        version: release.version,
        counter: release.counter,
        load: APPLICATION,
        entry: APPLICATION,
        payload: &payload,
    };
    Ok([&prefix(&content, seed)[..], &payload].concat())
}

/// What is loaded, from the application's address on.
fn flat(elf: &[u8]) -> Result<Vec<u8>, ProgramError> {
    let file = ElfFile32::<Endianness>::parse(elf)?;
    if file.architecture() != Architecture::Arm {
        return Err(ProgramError::Processor);
    }
    let endian = file.endian();
    let mut bytes = Vec::new();
    for header in file.elf_header().program_headers(endian, elf)? {
        let data = header.data(endian, elf).unwrap_or_default();
        if header.p_type(endian) != PT_LOAD || data.is_empty() {
            continue;
        }
        let start = u64::from(header.p_paddr(endian));
        let end = start + data.len() as u64;
        if start < APPLICATION.into() || end > APPLICATION_END.into() {
            return Err(ProgramError::Place(start, end));
        }
        let (from, to) = (
            (start - u64::from(APPLICATION)) as usize,
            (end - u64::from(APPLICATION)) as usize,
        );
        if bytes.len() < to {
            bytes.resize(to, 0);
        }
        bytes[from..to].copy_from_slice(data);
    }
    if bytes.is_empty() {
        return Err(ProgramError::Empty);
    }
    Ok(bytes)
}
