// SPDX-License-Identifier: BSD-2-Clause
//! A small static AArch64 ELF with the symbols that the tool sets.

/// Address of the data segment.
pub const DATA: u64 = 0x21_0000;
const TEXT: u64 = 0x20_0000;

const SYMBOLS: [(&str, u64); 11] = [
    ("microkit_passive", 1),
    ("microkit_name", 64),
    ("microkit_irqs", 8),
    ("microkit_notifications", 8),
    ("microkit_pps", 8),
    ("microkit_ioports", 8),
    ("molt_brief", 8),
    ("molt_brief_size", 8),
    ("region_address", 8),
    ("small", 4),
    ("microkit_dbg_putc", 8),
];

/// Where a symbol stands in the data segment.
pub fn offset(name: &str) -> u64 {
    let index = SYMBOLS
        .iter()
        .position(|(n, _)| *n == name)
        .expect("a symbol");
    index as u64 * 64
}

fn words16(out: &mut Vec<u8>, words: &[u16]) {
    words.iter().for_each(|w| out.extend(w.to_le_bytes()));
}

fn words32(out: &mut Vec<u8>, words: &[u32]) {
    words.iter().for_each(|w| out.extend(w.to_le_bytes()));
}

fn words64(out: &mut Vec<u8>, words: &[u64]) {
    words.iter().for_each(|w| out.extend(w.to_le_bytes()));
}

fn section(out: &mut Vec<u8>, kind: u32, offset: u64, size: u64, link: u32, info: u32, entry: u64) {
    words32(out, &[0, kind]);
    words64(out, &[0, 0, offset, size]);
    words32(out, &[link, info]);
    words64(out, &[8, entry]);
}

/// The ELF: `text` as code, all symbols in the data segment with file bytes; it does not say what it was built for.
pub fn program(text: &[u8]) -> Vec<u8> {
    program_for(None, text)
}

/// The same, built for a kernel's configuration with these tables.
pub fn program_for(digest: Option<[u8; 32]>, text: &[u8]) -> Vec<u8> {
    let data_size = SYMBOLS.len() as u64 * 64;
    let (text_at, data_at, symbols_at) = (0x1000u64, 0x2000u64, 0x3000u64);
    let mut names = vec![0];
    let mut symbols = vec![0; 24];
    for (name, size) in SYMBOLS {
        words32(&mut symbols, &[names.len() as u32]);
        symbols.extend([0x11, 0]);
        words16(&mut symbols, &[1]);
        words64(&mut symbols, &[DATA + offset(name), size]);
        names.extend(name.bytes());
        names.push(0);
    }
    let names_at = symbols_at + symbols.len() as u64;
    let sections_at = (names_at + names.len() as u64).next_multiple_of(8);

    let mut out = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    words16(&mut out, &[2, 183]);
    words32(&mut out, &[1]);
    words64(&mut out, &[TEXT, 64, sections_at]);
    words32(&mut out, &[0]);
    words16(
        &mut out,
        &[64, 56, 2 + u16::from(digest.is_some()), 64, 4, 3],
    );
    for (flags, offset, vaddr, size) in [
        (5, text_at, TEXT, text.len() as u64),
        (6, data_at, DATA, data_size),
    ] {
        words32(&mut out, &[1, flags]);
        words64(&mut out, &[offset, vaddr, vaddr, size, size, 0x1000]);
    }
    if let Some(digest) = digest {
        // PT_NOTE, and right behind this last program header the note itself.
        let note_at = out.len() as u64 + 56;
        words32(&mut out, &[4, 4]);
        words64(&mut out, &[note_at, 0, 0, 52, 52, 4]);
        words32(&mut out, &[5, 32, 1]);
        out.extend(b"Molt\0\0\0\0");
        out.extend(digest);
    }
    out.resize(text_at as usize, 0);
    out.extend(text);
    out.resize(symbols_at as usize, 0);
    out.extend(&symbols);
    out.extend(&names);
    out.resize(sections_at as usize, 0);
    section(&mut out, 0, 0, 0, 0, 0, 0);
    section(&mut out, 1, data_at, data_size, 0, 0, 0);
    section(&mut out, 2, symbols_at, symbols.len() as u64, 3, 1, 24);
    section(&mut out, 3, names_at, names.len() as u64, 0, 0, 0);
    out
}
