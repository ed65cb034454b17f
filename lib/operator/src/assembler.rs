// SPDX-License-Identifier: BSD-2-Clause
//! Makes lines of bytes.

use heapless::Vec;

/// Most bytes of a line, without its end. A longer one is dropped whole.
pub const LINE: usize = 120;

/// The line that is being received.
#[derive(Debug, Default)]
pub struct Assembler {
    line: Vec<u8, LINE>,
    /// It is too long, or has a byte that no command has.
    bad: bool,
}

impl Assembler {
    /// Takes a byte. At the end of a line that is not empty: the line; `Err` if it was dropped.
    pub fn take(&mut self, byte: u8) -> Option<Result<Vec<u8, LINE>, ()>> {
        match byte {
            b'\n' | b'\r' => {
                let line = core::mem::take(&mut self.line);
                match core::mem::take(&mut self.bad) {
                    true => Some(Err(())),
                    false => (!line.is_empty()).then_some(Ok(line)),
                }
            }
            b' '..=b'~' => {
                self.bad |= self.line.push(byte).is_err();
                None
            }
            _ => {
                self.bad = true;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    extern crate std;

    fn lines(bytes: &[u8]) -> std::vec::Vec<Option<String>> {
        let mut assembler = Assembler::default();
        let taken = bytes.iter().filter_map(|byte| assembler.take(*byte));
        taken
            .map(|line| line.ok().map(|l| String::from_utf8(l.to_vec()).unwrap()))
            .collect()
    }

    #[test]
    fn lines_end_with_lf_or_cr_or_both() {
        let expected = ["list", "log 3"].map(|line| Some(line.into()));
        for text in ["list\nlog 3\n", "list\r\nlog 3\r\n", "list\r\r\nlog 3\r"] {
            assert_eq!(lines(text.as_bytes()), expected);
        }
    }

    #[test]
    fn a_line_that_is_too_long_or_not_text_is_dropped_whole() {
        let long = "x".repeat(LINE);
        assert_eq!(
            lines(std::format!("{long}\n").as_bytes()),
            [Some(long.clone())]
        );
        let longer = std::format!("{long}y\nlist\n");
        assert_eq!(lines(longer.as_bytes()), [None, Some("list".into())]);
        assert_eq!(lines(b"li\0st\nlist\xff\n\x1b[A\n"), [None, None, None]);
    }
}
