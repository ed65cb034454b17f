// SPDX-License-Identifier: BSD-2-Clause
//! The VMM's end of a console.

use core::sync::atomic::AtomicU64;

use molt_trace::ring::{Reader, Writer};

/// A console of the guest. Where a call returns that `serial` is to be notified, that may be done once for several.
#[derive(Debug)]
pub struct Terminal<'a> {
    output: Writer<'a>,
    input: Reader<'a>,
    /// The bytes of the output's ring; 0: there is no `serial`, and output goes nowhere.
    room: u64,
    /// The last line was not ended.
    unfinished: bool,
}

impl<'a> Terminal<'a> {
    /// Over the rings to `serial` and from it, to which nobody has written yet. Without words: output goes nowhere, and nothing is
    /// typed.
    pub fn new(output: &'a [AtomicU64], input: &'a [AtomicU64]) -> Self {
        let output = Writer::new(output);
        Self {
            room: output.free(),
            output,
            input: Reader::new(input),
            unfinished: false,
        }
    }

    /// A console without `serial`.
    pub fn nowhere() -> Self {
        Self::new(&[], &[])
    }

    /// The guest prints. Returns how many of the bytes, from the first, were taken, and whether `serial` is to be notified.
    pub fn write(&mut self, bytes: &[u8]) -> (usize, bool) {
        if self.room == 0 {
            return (bytes.len(), false);
        }
        let taken = self.output.put(bytes);
        let bytes = bytes.get(..taken).unwrap_or_default();
        let Some(last) = bytes.last() else {
            return (0, false);
        };
        self.unfinished = *last != b'\n';
        // Who waits for no line waits for no single byte either, as long as the ring has room.
        let now =
            bytes.contains(&b'\n') || self.output.is_eager() || self.output.free() <= self.room / 2;
        (taken, now)
    }

    /// Whether nothing can be written now. Then the VMM is notified when something can.
    pub fn is_full(&mut self) -> bool {
        self.room != 0 && self.output.is_full()
    }

    /// The guest's run has ended: what it has not ended is a line too. Returns whether `serial` is to be notified.
    pub fn end(&mut self) -> bool {
        let unfinished = core::mem::take(&mut self.unfinished);
        unfinished && self.room != 0 && self.output.put(b"\n") == 1
    }

    /// Whether something was typed.
    pub fn has_input(&self) -> bool {
        !self.input.is_empty()
    }

    /// Takes what was typed to the start of `room`. Returns how many bytes, and whether `serial` is to be notified.
    pub fn read(&mut self, room: &mut [u8]) -> (usize, bool) {
        let count = self.input.take(room);
        (count, count > 0 && self.input.is_awaited())
    }

    /// Drops what was typed until now. Returns whether `serial` is to be notified.
    pub fn drop_input(&mut self) -> bool {
        let mut tell = false;
        let mut dropped = [0; 64];
        // What is typed meanwhile is for the next one.
        for _ in 0..64 {
            let (count, wants) = self.read(&mut dropped);
            tell |= wants;
            if count == 0 {
                break;
            }
        }
        tell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_told_of_and_its_parts_are_not() {
        let words: Vec<AtomicU64> = (0..8 + 16).map(|_| AtomicU64::new(0)).collect();
        let mut terminal = Terminal::new(&words, &[]);
        let mut serial = Reader::new(&words);
        assert_eq!(terminal.write(b"login: "), (7, false));
        assert_eq!(terminal.write(b"root\r\n$"), (7, true));
        assert_eq!(terminal.write(&[b'x'; 60]), (60, true), "half of the ring");
        assert_eq!(serial.take(&mut [0; 128]), 74);
        serial.set_eager(true);
        assert_eq!(terminal.write(b"$"), (1, true));
        assert!(terminal.end() && !terminal.end());
        assert_eq!(terminal.write(&[b'y'; 200]), (126, true));
        assert_eq!(terminal.write(b"y"), (0, false));
        assert!(terminal.is_full() && serial.is_awaited());
    }

    #[test]
    fn without_serial_nothing_is_kept() {
        let mut terminal = Terminal::nowhere();
        assert_eq!(terminal.write(b"hello\n"), (6, false));
        assert!(!terminal.is_full() && !terminal.end() && !terminal.has_input());
        assert_eq!(terminal.read(&mut [0; 4]), (0, false));
    }
}
