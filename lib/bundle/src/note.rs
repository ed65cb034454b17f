// SPDX-License-Identifier: BSD-2-Clause
//! Reads the note (`molt-note`) from a program.

use molt_note::{CONFIGURATION, Digest, NAME};
use object::elf::FileHeader64;
use object::endian::LittleEndian;
use object::read::elf::{FileHeader, ProgramHeader};

/// The digest in the note of a program. `None` if it has no note, like a program built with other crates or in
/// another language, or if it is no ELF.
#[must_use]
pub fn configuration(elf: &[u8]) -> Option<Digest> {
    let header = FileHeader64::<LittleEndian>::parse(elf).ok()?;
    let table = header.program_headers(LittleEndian, elf).ok()?;
    let notes = table
        .iter()
        .filter_map(|entry| entry.notes(LittleEndian, elf).ok()?);
    for mut notes in notes {
        while let Ok(Some(note)) = notes.next() {
            if note.name() == NAME && note.n_type(LittleEndian).0 == CONFIGURATION {
                return note.desc().try_into().ok();
            }
        }
    }
    None
}
