// SPDX-License-Identifier: BSD-2-Clause
//! A program's ELF file: its instructions, and the names of its functions.

use std::fs;
use std::path::Path;

use object::{Architecture, Object, ObjectSection, ObjectSymbol, SectionKind, SymbolKind};

/// Why a program's file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It cannot be read.
    #[error("{file}: {error}")]
    Read {
        /// Which.
        file: String,
        /// Why.
        error: std::io::Error,
    },
    /// It is no ELF file, or a damaged one.
    #[error("{file}: {error}")]
    Elf {
        /// Which.
        file: String,
        /// Why.
        error: object::Error,
    },
}

/// A program.
pub struct Program {
    /// As profiles name it.
    pub name: String,
    /// Whether it is for x86_64; for AArch64 otherwise.
    pub is_x86: bool,
    code: Vec<(u64, Vec<u8>)>,
    /// Start and length of each function.
    functions: Vec<(u64, u64, String)>,
    lines: Option<addr2line::Loader>,
}

impl Program {
    /// Reads it. Inlined functions are distinguished if the file has line tables.
    ///
    /// # Errors
    /// [`ProgramError`].
    pub fn read(name: impl Into<String>, path: &Path) -> Result<Self, ProgramError> {
        let file = || path.display().to_string();
        let bytes = fs::read(path).map_err(|error| ProgramError::Read {
            file: file(),
            error,
        })?;
        let wrong = |error| ProgramError::Elf {
            file: file(),
            error,
        };
        let elf = object::File::parse(&*bytes).map_err(wrong)?;
        let mut code = Vec::new();
        let mut lines = None;
        for section in elf.sections() {
            if section.kind() == SectionKind::Text {
                let data = section.data().map_err(wrong)?;
                code.push((section.address(), data.to_vec()));
            } else if section.name() == Ok(".debug_info") {
                // Without it the functions' own names have to do.
                lines = addr2line::Loader::new(path).ok();
            }
        }
        let mut functions: Vec<(u64, u64, String)> = (elf.symbols())
            .filter(|s| {
                // Assembly's names have no type.
                let kinds = [SymbolKind::Text, SymbolKind::Label, SymbolKind::Unknown];
                s.is_definition() && kinds.contains(&s.kind())
            })
            .filter_map(|s| Some((s.address(), s.size(), demangled(s.name().ok()?))))
            .filter(|(.., name)| !name.starts_with('$'))
            .collect();
        functions.sort();
        Ok(Self {
            name: name.into(),
            is_x86: elf.architecture() == Architecture::X86_64,
            code,
            functions,
            lines,
        })
    }

    /// Whether it has instructions of these bytes at this address.
    pub fn has(&self, address: u64, bytes: &[u8]) -> bool {
        self.code.iter().any(|(start, code)| {
            let found = address
                .checked_sub(*start)
                .and_then(|offset| code.get(usize::try_from(offset).ok()?..));
            found.is_some_and(|code| code.starts_with(bytes))
        })
    }

    /// The functions that this address is in, the outermost first.
    pub fn functions(&self, address: u64) -> Vec<String> {
        let inlined = self.lines.as_ref().and_then(|lines| {
            let mut names = Vec::new();
            let mut frames = lines.find_frames(address).ok()?;
            while let Some(frame) = frames.next().ok()? {
                let name = frame.function?.demangle().ok()?.into_owned();
                let file = frame.location.and_then(|location| location.file);
                // An inlined function's name is without its path; sources of ours are named from the checkout on.
                names.push(match file.and_then(|file| file.strip_prefix("molt/")) {
                    Some(file) => short(&format!("{name} ({file})")),
                    None => short(&name),
                });
            }
            names.reverse();
            (!names.is_empty()).then_some(names)
        });
        inlined.unwrap_or_else(|| vec![self.symbol(address)])
    }

    /// The nearest symbol: assembly has no sizes.
    pub fn symbol(&self, address: u64) -> String {
        let before = self
            .functions
            .partition_point(|(start, ..)| *start <= address);
        let mut nearest = self.functions[..before].iter().rev();
        let found = nearest.find(|(start, size, _)| *size == 0 || address < start + size);
        found.map_or_else(|| "?".to_owned(), |(.., name)| name.clone())
    }

    /// Where a symbol is.
    pub fn address(&self, name: &str) -> Option<u64> {
        let mut functions = self.functions.iter();
        functions.find_map(|(start, _, found)| (found == name).then_some(*start))
    }
}

fn demangled(name: &str) -> String {
    short(&format!("{:#}", rustc_demangle::demangle(name)))
}

/// Semicolons separate the frames of a stack.
fn short(name: &str) -> String {
    name.replace(';', ",")
}
