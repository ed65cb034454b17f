// SPDX-License-Identifier: BSD-2-Clause
//! Frames: `0, COBS(body, CRC-32 of the body), 0`, where the body is the message's kind, its sequence number (4 bytes) and its
//! content. Numbers are little-endian. The CRC is that of IEEE 802.3.
//!
//! The zero in front ends what noise may have left on the line, so that it costs no frame.

use cobs::{DecodeResult, DecoderState};

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
        let coded = cobs::encode(&body[..end + CRC], &mut frame.bytes[1..]);
        frame.length = coded + 2;
        frame
    }

    /// What goes onto the line.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
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
    state: DecoderState,
    body: [u8; BODY],
    length: usize,
}

impl Decoder {
    /// At the start of a stream.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: DecoderState::Idle,
            body: [0; BODY],
            length: 0,
        }
    }

    /// Takes the next byte of the stream.
    pub fn take(&mut self, byte: u8) -> Option<Event<'_>> {
        match self.state.feed(byte) {
            Ok(DecodeResult::NoData) => None,
            Ok(DecodeResult::DataStart) => {
                self.length = 0;
                None
            }
            Ok(DecodeResult::DataContinue(byte)) => {
                // A body that is too long does not fit below either.
                if let Some(place) = self.body.get_mut(self.length) {
                    *place = byte;
                }
                self.length = self.length.saturating_add(1);
                None
            }
            Ok(DecodeResult::DataComplete) => {
                let message = self.body.get(..self.length).and_then(open);
                Some(message.map_or(Event::Broken, Event::Message))
            }
            Err(_) => Some(Event::Broken),
        }
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
