// SPDX-License-Identifier: BSD-2-Clause
//! Frames: `0, COBS(body, CRC-32 of the body), 0`, where the body is the message's kind, its sequence number (4 bytes) and its
//! content. Numbers are little-endian. The CRC is that of IEEE 802.3.
//!
//! The zero in front ends what noise may have left on the line, so that it costs no frame.

/// Bytes of the longest content.
pub const CONTENT: usize = 4 + crate::DATA;
/// Bytes before the content: kind and sequence number.
const HEAD: usize = 5;
const CRC: usize = 4;
const BODY: usize = HEAD + CONTENT + CRC;
/// Bytes of the longest frame: COBS adds one byte, and one for each 254.
pub const FRAME: usize = BODY + 1 + BODY / 254 + 2;

/// A frame that is being sent.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    bytes: [u8; FRAME],
    length: usize,
}

impl Frame {
    /// No bytes at all.
    pub const EMPTY: Self = Self {
        bytes: [0; FRAME],
        length: 0,
    };

    /// A message's frame. Content beyond [`CONTENT`] bytes is cut off, which no message of this crate has.
    #[must_use]
    pub fn new(kind: u8, sequence: u32, content: &[u8]) -> Self {
        let mut body = [0; BODY];
        let content = &content[..content.len().min(CONTENT)];
        let end = HEAD + content.len();
        body[0] = kind;
        body[1..HEAD].copy_from_slice(&sequence.to_le_bytes());
        body[HEAD..end].copy_from_slice(content);
        let crc = crc32fast::hash(&body[..end]);
        body[end..end + CRC].copy_from_slice(&crc.to_le_bytes());
        let mut frame = Self::EMPTY;
        let coded = encode(&body[..end + CRC], &mut frame.bytes[1..]);
        frame.length = coded + 2;
        frame
    }

    /// What goes onto the line.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// COBS: writes `body` without zeros, in blocks of at most 254 bytes that each begin with their length. Returns the bytes written; there is
/// room for one more than `body` has, and for one more for each 254. (With the crate `cobs` 0.5.1, a frame that ends with
/// a full block did not arrive.)
fn encode(body: &[u8], out: &mut [u8]) -> usize {
    let (mut head, mut at, mut code) = (0, 1, 1);
    for byte in body {
        if *byte != 0 {
            out[at] = *byte;
            at += 1;
            code += 1;
        }
        if *byte == 0 || code == u8::MAX {
            out[head] = code;
            (head, code) = (at, 1);
            at += 1;
        }
    }
    out[head] = code;
    at
}

/// A message that was received with a right CRC. Its meaning is not checked yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Its kind.
    pub kind: u8,
    /// The request's sequence number.
    pub sequence: u32,
    /// Its content.
    pub content: &'a [u8],
}

/// What a byte has completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A message.
    Message(Message<'a>),
    /// A frame that is none, or whose CRC is wrong.
    Broken,
}

/// Takes frames out of a stream of bytes.
#[derive(Debug)]
pub struct Decoder {
    /// Bytes that the present block still has.
    left: u8,
    /// A zero stands before the next block, since the last one was no full one.
    zero: bool,
    /// Something of a frame has come.
    begun: bool,
    body: [u8; BODY],
    length: usize,
}

impl Decoder {
    /// At the start of a stream.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            left: 0,
            zero: false,
            begun: false,
            body: [0; BODY],
            length: 0,
        }
    }

    /// Takes the next byte of the stream.
    pub fn take(&mut self, byte: u8) -> Option<Event<'_>> {
        match (byte, self.left) {
            (0, left) => return self.end(left == 0),
            (code, 0) => {
                if !self.begun {
                    self.length = 0;
                } else if self.zero {
                    self.push(0);
                }
                self.begun = true;
                self.left = code - 1;
                self.zero = code != u8::MAX;
            }
            (byte, _) => {
                self.left -= 1;
                self.push(byte);
            }
        }
        None
    }

    /// A frame ends, if one has begun. `whole`: its last block is complete.
    fn end(&mut self, whole: bool) -> Option<Event<'_>> {
        let begun = core::mem::take(&mut self.begun);
        (self.left, self.zero) = (0, false);
        if !begun {
            return None;
        }
        // A body that was too long fits no more than one that is broken.
        let body = self.body.get(..self.length).filter(|_| whole);
        Some(body.and_then(open).map_or(Event::Broken, Event::Message))
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.body.get_mut(self.length) {
            *place = byte;
        }
        self.length = self.length.saturating_add(1);
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

/// The message in a body, if its CRC is right.
fn open(body: &[u8]) -> Option<Message<'_>> {
    let (body, crc) = body.split_last_chunk::<CRC>()?;
    if crc32fast::hash(body) != u32::from_le_bytes(*crc) {
        return None;
    }
    let (head, content) = body.split_first_chunk::<HEAD>()?;
    let [kind, sequence @ ..] = *head;
    Some(Message {
        kind,
        sequence: u32::from_le_bytes(sequence),
        content,
    })
}
