// SPDX-License-Identifier: BSD-2-Clause
//! Splits a client's bytes into lines for `serial`, each with a name before it.

use core::fmt::{self, Write};

use heapless::Vec;

use crate::line::PREFIX;
use crate::ring::Reader;

/// Longest line in bytes; a longer one is cut into several.
pub const LINE: usize = 512;

/// Most bytes that are passed on unread at a time.
const LARGEST: usize = 0x4000;

/// Whose lines they are.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The domain's name, or the guest's. It goes before each line; before one of a domain only if it does not begin with it.
    pub name: &'a str,
    /// Whether it is a guest: nothing that it writes may steer a terminal.
    pub guest: bool,
    /// Whether it may write trace lines.
    pub traces: bool,
}

/// The lines of one client.
#[derive(Debug)]
pub struct Lines<'a> {
    source: Source<'a>,
    reader: Reader<'a>,
    line: Vec<u8, LINE>,
}

impl<'a> Lines<'a> {
    /// The lines of `source`, whose bytes come from `reader`.
    pub const fn new(source: Source<'a>, reader: Reader<'a>) -> Self {
        Self {
            source,
            reader,
            line: Vec::new(),
        }
    }

    /// Passes the next whole line, with its name and line end, to `out` in pieces. Returns `false` if there is none.
    pub fn next_line(&mut self, mut out: impl FnMut(&[u8])) -> bool {
        let mut ended = false;
        while let Some(byte) = self.reader.next_byte() {
            match byte {
                b'\n' => ended = true,
                // Characters that could make one line look like another's are dropped.
                b'\r' | 0 => {}
                _ => {
                    let byte = if byte < b' ' && byte != b'\t' && byte != 0x1b {
                        b'.'
                    } else {
                        byte
                    };
                    ended = self.line.push(byte).is_err() || self.line.is_full();
                }
            }
            if ended {
                break;
            }
        }
        self.reader.release();
        if ended {
            self.print(&mut out);
        }
        ended
    }

    /// Passes everything on as it is, what was read of an unfinished line first. Returns whether there was anything.
    pub fn pass(&mut self, mut out: impl FnMut(&[u8])) -> bool {
        let mut some = !self.line.is_empty();
        if some {
            out(&self.line);
            self.line.clear();
        }
        let mut piece = [0; 64];
        // What is written meanwhile comes next time.
        for _ in 0..LARGEST / piece.len() {
            let count = self.reader.take(&mut piece);
            let Some(bytes) = piece.get(..count).filter(|bytes| !bytes.is_empty()) else {
                break;
            };
            out(bytes);
            some = true;
        }
        some
    }

    /// The reader of the bytes.
    pub const fn reader(&self) -> &Reader<'a> {
        &self.reader
    }

    fn print(&mut self, out: &mut impl FnMut(&[u8])) {
        if !self.has_a_name() {
            out(self.source.name.as_bytes());
            out(b": ");
        }
        match self.source.guest {
            // It cannot fail.
            true => drop(write!(Plain(out), "{}", Printable(&self.line))),
            false => out(&self.line),
        }
        out(b"\n");
        self.line.clear();
    }

    fn has_a_name(&self) -> bool {
        let Source {
            name,
            guest,
            traces,
        } = self.source;
        if guest {
            return false;
        }
        let rest = self.line.strip_prefix(name.as_bytes());
        let own = !name.is_empty() && rest.is_some_and(|rest| rest.starts_with(b": "));
        own || traces && self.line.starts_with(PREFIX.as_bytes())
    }
}

/// Bytes as text that cannot steer a terminal.
struct Printable<'a>(&'a [u8]);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                f.write_char(if character.is_control() {
                    ' '
                } else {
                    character
                })?;
            }
            if !chunk.invalid().is_empty() {
                f.write_char(char::REPLACEMENT_CHARACTER)?;
            }
        }
        Ok(())
    }
}

/// Takes text in pieces.
struct Plain<'o, O>(&'o mut O);

impl<O: FnMut(&[u8])> fmt::Write for Plain<'_, O> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        (self.0)(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::Writer;
    use core::sync::atomic::AtomicU64;

    fn lines(source: Source, written: &str) -> String {
        let region: Vec<AtomicU64, 1024> = (0..1024).map(|_| AtomicU64::new(0)).collect();
        let (mut writer, reader) = (Writer::new(&region), Reader::new(&region));
        let mut lines = Lines::new(source, reader);
        let mut out = String::new();
        // In pieces, as guests write.
        for character in written.chars() {
            assert!(writer.print(format_args!("{character}")));
            lines.next_line(|piece| out += std::str::from_utf8(piece).unwrap());
        }
        out
    }

    const VMM: Source = Source {
        name: "vmm_a",
        guest: false,
        traces: false,
    };
    const GUEST: Source = Source {
        name: "a",
        guest: true,
        traces: false,
    };

    #[test]
    fn every_line_has_a_name() {
        assert_eq!(
            lines(VMM, "hello\r\nworld\nrest"),
            "vmm_a: hello\nvmm_a: world\n"
        );
        assert_eq!(lines(VMM, "vmm_a: x\n"), "vmm_a: x\n");
        assert_eq!(
            lines(VMM, "b: hello\n"),
            "vmm_a: b: hello\n",
            "not another's"
        );
        assert_eq!(lines(VMM, "\n"), "vmm_a: \n");
        assert_eq!(lines(GUEST, "a: x\n"), "a: a: x\n");
    }

    #[test]
    fn a_guest_s_lines_do_not_steer_a_terminal() {
        let written = "\u{1b}[2J\u{9b}1mred\ta\u{7f}\n";
        assert_eq!(lines(GUEST, written), "a:  [2J 1mred a \n");
    }

    #[test]
    fn what_is_passed_on_is_not_changed() {
        let region: Vec<AtomicU64, 1024> = (0..1024).map(|_| AtomicU64::new(0)).collect();
        let (mut writer, reader) = (Writer::new(&region), Reader::new(&region));
        let mut lines = Lines::new(GUEST, reader);
        let mut out = std::vec::Vec::new();
        assert!(writer.print(format_args!("login")));
        assert!(!lines.next_line(|piece| out.extend_from_slice(piece)));
        assert!(writer.print(format_args!(": \u{1b}[1m\r\n\0")));
        assert!(lines.pass(|piece| out.extend_from_slice(piece)));
        assert_eq!(out, b"login: \x1b[1m\r\n\0");
        assert!(!lines.pass(|_| {}), "once");
    }

    #[test]
    fn traces_are_not_forged() {
        let trace = "molt: 1 stopped component=blk\n";
        assert_eq!(lines(VMM, trace), format!("vmm_a: {trace}"));
        assert_eq!(lines(VMM, "a\r\u{0}molt: 1\n"), "vmm_a: amolt: 1\n");
        let update = Source {
            name: "update",
            guest: false,
            traces: true,
        };
        assert_eq!(lines(update, trace), trace);
        assert_eq!(lines(update, "molt:1\n"), "update: molt:1\n");
    }

    #[test]
    fn a_long_line_becomes_several() {
        let long = "x".repeat(LINE + 10);
        let expected = format!("vmm_a: {}\nvmm_a: {}\n", &long[..LINE], &long[..10]);
        assert_eq!(lines(VMM, &format!("{long}\n")), expected);
    }
}
