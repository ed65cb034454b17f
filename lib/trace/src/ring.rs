// SPDX-License-Identifier: BSD-2-Clause
//! A byte stream from one domain to another over shared words, which never blocks its writer.
//!
//! Layout of the region: word 0 is the count of bytes written, word 1 the count of bytes read, word 2 the count of
//! texts dropped, word 3 is 1 while the writer wants to be notified of room, word 4 is 1 while the reader wants to be notified of
//! every byte; from word 8 on are the ring's bytes, eight in a word, lowest first. Each side keeps its own
//! count and checks the other's: if it is impossible, the writer drops its text, and the reader skips to the newest byte.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering, fence};

const WRITTEN: usize = 0;
const READ: usize = 1;
const DROPPED: usize = 2;
const WAITING: usize = 3;
const EAGER: usize = 4;
const DATA: usize = 8;

/// How many bytes the ring in a region of so many words holds.
fn capacity(words: &[AtomicU64]) -> u64 {
    words.len().saturating_sub(DATA) as u64 * 8
}

/// The writer's side.
#[derive(Debug)]
pub struct Writer<'a> {
    words: &'a [AtomicU64],
    written: u64,
    dropped: u64,
    waiting: bool,
}

impl<'a> Writer<'a> {
    /// The writer of a region that nobody has written to yet (zeros).
    pub const fn new(words: &'a [AtomicU64]) -> Self {
        Self {
            words,
            written: 0,
            dropped: 0,
            waiting: false,
        }
    }

    /// Writes as many of the bytes, from the first, as there is room for, and returns how many.
    pub fn put(&mut self, bytes: &[u8]) -> usize {
        let mut pending = Pending {
            free: self.free(),
            at: self.written,
            words: self.words,
        };
        let count = bytes
            .len()
            .min(usize::try_from(pending.free).unwrap_or(usize::MAX));
        // There is room for them.
        let part = bytes.get(..count).unwrap_or_default();
        if part.is_empty() || pending.bytes(part).is_err() {
            return 0;
        }
        self.written = pending.at;
        store(self.words, WRITTEN, self.written);
        count
    }

    /// Whether there is no room. If so, the reader is asked to notify of some; it is told when this is called with room.
    pub fn is_full(&mut self) -> bool {
        let mut full = self.free() == 0;
        if full && !self.waiting {
            store(self.words, WAITING, 1);
            // Either the reader sees the word, or its room is seen here.
            fence(Ordering::SeqCst);
            full = self.free() == 0;
            self.waiting = true;
        }
        if !full && self.waiting {
            store(self.words, WAITING, 0);
            self.waiting = false;
        }
        full
    }

    /// Whether the reader is to be notified of each byte, and not only of each line.
    pub fn is_eager(&self) -> bool {
        load(self.words, EAGER) != 0
    }

    /// Writes the whole text; if there is no room, drops and counts it and returns `false`.
    /// After `true` the reader is to be notified.
    pub fn print(&mut self, text: fmt::Arguments<'_>) -> bool {
        let mut pending = Pending {
            free: self.free(),
            at: self.written,
            words: self.words,
        };
        let whole = fmt::write(&mut pending, text).is_ok();
        if whole {
            self.written = pending.at;
            store(self.words, WRITTEN, self.written);
        } else {
            self.dropped = self.dropped.saturating_add(1);
            store(self.words, DROPPED, self.dropped);
        }
        whole
    }

    /// One line: the text and a line end, whole or not at all.
    pub fn line(&mut self, text: impl fmt::Display) -> bool {
        self.print(format_args!("{text}\n"))
    }

    /// How many texts were dropped.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Bytes for which there is room.
    pub fn free(&self) -> u64 {
        let capacity = capacity(self.words);
        let used = self.written.wrapping_sub(load(self.words, READ));
        capacity.saturating_sub(used)
    }
}

/// A text that is being written into the ring and is not published yet.
struct Pending<'a> {
    words: &'a [AtomicU64],
    at: u64,
    free: u64,
}

impl fmt::Write for Pending<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes())
    }
}

impl Pending<'_> {
    fn bytes(&mut self, bytes: &[u8]) -> fmt::Result {
        self.free = (self.free.checked_sub(bytes.len() as u64)).ok_or(fmt::Error)?;
        for byte in bytes {
            let (word, shift) = place(self.words, self.at).ok_or(fmt::Error)?;
            // Only this side writes the data, so reading a word and writing it back is no race.
            let rest = word.load(Ordering::Relaxed) & !(0xff << shift);
            word.store(rest | u64::from(*byte) << shift, Ordering::Relaxed);
            self.at = self.at.wrapping_add(1);
        }
        Ok(())
    }
}

/// The reader's side.
#[derive(Debug)]
pub struct Reader<'a> {
    words: &'a [AtomicU64],
    read: u64,
    written: u64,
}

impl<'a> Reader<'a> {
    /// The reader of a region from its beginning.
    pub const fn new(words: &'a [AtomicU64]) -> Self {
        Self {
            words,
            read: 0,
            written: 0,
        }
    }

    /// The next byte.
    pub fn next_byte(&mut self) -> Option<u8> {
        if self.read == self.written {
            self.written = load(self.words, WRITTEN);
            if self.written.wrapping_sub(self.read) > capacity(self.words) {
                // The count is impossible: what is in the ring is skipped.
                self.read = self.written;
            }
        }
        if self.read == self.written {
            return None;
        }
        let (word, shift) = place(self.words, self.read)?;
        let byte = (word.load(Ordering::Relaxed) >> shift) as u8;
        self.read = self.read.wrapping_add(1);
        Some(byte)
    }

    /// Takes bytes to the start of `room`, tells the writer that they are free, and returns how many.
    pub fn take(&mut self, room: &mut [u8]) -> usize {
        let mut count = 0;
        for (to, byte) in room
            .iter_mut()
            .zip(core::iter::from_fn(|| self.next_byte()))
        {
            *to = byte;
            count += 1;
        }
        if count > 0 {
            self.release();
        }
        count
    }

    /// Whether there is a byte.
    pub fn is_empty(&self) -> bool {
        self.read == self.written && load(self.words, WRITTEN) == self.read
    }

    /// Tells the writer that the bytes taken so far are free.
    pub fn release(&self) {
        store(self.words, READ, self.read);
    }

    /// Whether the writer is to be notified of what was released.
    pub fn is_awaited(&self) -> bool {
        // Either the writer's wish is seen here, or the writer sees the room.
        fence(Ordering::SeqCst);
        load(self.words, WAITING) != 0
    }

    /// Whether the writer is to notify of each byte, and not only of each line.
    pub fn set_eager(&self, eager: bool) {
        store(self.words, EAGER, eager.into());
    }

    /// How many texts the writer says it dropped.
    pub fn dropped(&self) -> u64 {
        load(self.words, DROPPED)
    }
}

fn place(words: &[AtomicU64], at: u64) -> Option<(&AtomicU64, u32)> {
    let byte = at.checked_rem(capacity(words))? as usize;
    Some((words.get(DATA + byte / 8)?, (byte % 8) as u32 * 8))
}

fn load(words: &[AtomicU64], index: usize) -> u64 {
    words
        .get(index)
        .map_or(0, |word| word.load(Ordering::Acquire))
}

fn store(words: &[AtomicU64], index: usize, value: u64) {
    if let Some(word) = words.get(index) {
        word.store(value, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn region(words: usize) -> Vec<AtomicU64> {
        (0..words).map(|_| AtomicU64::new(0)).collect()
    }

    fn drain(reader: &mut Reader) -> String {
        let bytes = core::iter::from_fn(|| reader.next_byte()).collect();
        reader.release();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_text_that_does_not_fit_leaves_nothing() {
        let region = region(DATA + 2);
        let (mut writer, mut reader) = (Writer::new(&region), Reader::new(&region));
        assert!(writer.line("0123456789"));
        assert!(!writer.line("abcdef"), "11 + 7 are more than 16");
        assert!(writer.line("abc"));
        assert_eq!(drain(&mut reader), "0123456789\nabc\n");
        assert_eq!((writer.dropped(), reader.dropped()), (1, 1));
    }

    #[test]
    fn allegations_that_cannot_be() {
        let region = region(DATA + 2);
        let (mut writer, mut reader) = (Writer::new(&region), Reader::new(&region));
        region[READ].store(99, Ordering::Relaxed);
        assert!(
            !writer.line("a"),
            "a reader ahead of its writer gets nothing"
        );
        region[WRITTEN].store(1 << 40, Ordering::Relaxed);
        assert_eq!(reader.next_byte(), None, "and does not read for hours");
        let none: [AtomicU64; 0] = [];
        assert!(!Writer::new(&none).line("a"));
        assert_eq!(Reader::new(&none).next_byte(), None);
    }

    #[test]
    fn a_writer_that_waits_is_told_of_room() {
        let region = region(DATA + 2);
        let (mut writer, mut reader) = (Writer::new(&region), Reader::new(&region));
        assert_eq!(writer.put(b"0123456789abcdefgh"), 16, "as many as fit");
        assert!(!reader.is_awaited());
        assert!(writer.is_full() && reader.is_awaited());
        let mut room = [0; 4];
        assert_eq!(reader.take(&mut room), 4);
        assert!(reader.is_awaited(), "it has not noticed yet");
        assert!(!writer.is_full() && !reader.is_awaited());
        assert_eq!(writer.put(b"xyz"), 3);
        assert_eq!(
            (drain(&mut reader), reader.is_empty()),
            ("456789abcdefxyz".to_owned(), true)
        );
        assert!(!writer.is_eager());
        reader.set_eager(true);
        assert!(writer.is_eager());
        let none: [AtomicU64; 0] = [];
        assert_eq!(Writer::new(&none).put(b"a"), 0);
        assert!(Writer::new(&none).is_full() && Reader::new(&none).is_empty());
    }

    proptest! {
        #[test]
        fn bytes_arrive_in_order_and_none_twice(
            steps in prop::collection::vec((any::<bool>(), 0..30_usize), 0..200),
            words in DATA..DATA + 12,
        ) {
            let region = region(words);
            let (mut writer, mut reader) = (Writer::new(&region), Reader::new(&region));
            let (mut sent, mut got) = (0_usize, 0_usize);
            for (read, count) in steps {
                if read {
                    let mut room = vec![0; count];
                    let taken = reader.take(&mut room);
                    for byte in &room[..taken] {
                        prop_assert_eq!(*byte, got as u8);
                        got += 1;
                    }
                } else {
                    let bytes: Vec<u8> = (sent..sent + count).map(|n| n as u8).collect();
                    let taken = writer.put(&bytes);
                    prop_assert!(taken == count || writer.is_full());
                    sent += taken;
                }
                prop_assert_eq!(reader.is_empty(), sent == got);
            }
        }

        #[test]
        fn what_was_accepted_arrives(
            steps in prop::collection::vec((any::<bool>(), "[a-z]{0,20}"), 0..200),
            words in DATA..DATA + 12,
        ) {
            let region = region(words);
            let (mut writer, mut reader) = (Writer::new(&region), Reader::new(&region));
            let (mut expected, mut got) = (String::new(), String::new());
            for (read, text) in steps {
                if read {
                    got += &drain(&mut reader);
                } else if writer.line(&text) {
                    expected += &text;
                    expected += "\n";
                }
            }
            got += &drain(&mut reader);
            prop_assert_eq!(got, expected);
        }
    }
}
