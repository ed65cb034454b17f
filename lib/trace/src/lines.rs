// SPDX-License-Identifier: BSD-2-Clause
//! Splits a client's bytes into lines for `serial`, each with a name before it.

use heapless::Vec;

use crate::line::PREFIX;
use crate::ring::Reader;

/// Longest line in bytes; a longer one is cut into several.
pub const LINE: usize = 512;

/// Whose lines they are.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The domain's name: goes before each line that has no name of its own.
    pub name: &'a str,
    /// A second name that its lines may begin with, as they are: its guest's. Empty: none.
    pub guest: &'a str,
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
            if !self.has_a_name() {
                out(self.source.name.as_bytes());
                out(b": ");
            }
            out(&self.line);
            out(b"\n");
            self.line.clear();
        }
        ended
    }

    fn has_a_name(&self) -> bool {
        let Source {
            name,
            guest,
            traces,
        } = self.source;
        let under = |name: &str| {
            let rest = self.line.strip_prefix(name.as_bytes());
            !name.is_empty() && rest.is_some_and(|rest| rest.starts_with(b": "))
        };
        under(name) || under(guest) || traces && self.line.starts_with(PREFIX.as_bytes())
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
        guest: "a",
        traces: false,
    };

    #[test]
    fn every_line_has_a_name() {
        assert_eq!(
            lines(VMM, "hello\r\nworld\nrest"),
            "vmm_a: hello\nvmm_a: world\n"
        );
        assert_eq!(lines(VMM, "a: hello\nvmm_a: x\n"), "a: hello\nvmm_a: x\n");
        assert_eq!(
            lines(VMM, "b: hello\n"),
            "vmm_a: b: hello\n",
            "not another's"
        );
        assert_eq!(lines(VMM, "\n"), "vmm_a: \n");
        let alone = Source { guest: "", ..VMM };
        assert_eq!(lines(alone, ": x\n"), "vmm_a: : x\n");
    }

    #[test]
    fn traces_are_not_forged() {
        let trace = "molt: 1 stopped component=blk\n";
        assert_eq!(lines(VMM, trace), format!("vmm_a: {trace}"));
        assert_eq!(lines(VMM, "a\r\u{0}molt: 1\n"), "vmm_a: amolt: 1\n");
        let update = Source {
            name: "update",
            guest: "",
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
