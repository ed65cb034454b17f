// SPDX-License-Identifier: BSD-2-Clause
//! What is asked and answered, and its form in a frame.

use molt_firmware::{Digest, Refusal};

use crate::frame::CONTENT;

/// The most bytes of an image in one request: a page of the flash.
pub const DATA: usize = 256;

/// A bank of the controller's flash: 0 or 1.
pub type Bank = u8;

/// What the host asks for. Each can be carried out twice without harm, since an answer may be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// What runs, and what the other bank holds. Answered by [`Answer::Identity`].
    Identify,
    /// The value of the sensor with this number. Answered by [`Answer::Value`].
    Read {
        /// [`crate::Sensor::number`].
        sensor: u8,
    },
    /// Begins to transfer an image into the bank that does not run; one that is under way is given up.
    Begin {
        /// Bytes of the image.
        length: u32,
        /// The image's digest.
        digest: Digest,
    },
    /// The image's next bytes. Those that were received before are passed over. Answered by [`Answer::Received`].
    Data {
        /// Of the first byte, in the image.
        offset: u32,
        /// From 1 to [`DATA`] bytes.
        bytes: &'a [u8],
    },
    /// All was sent: the controller checks digest, signature and security counter of what is in the bank.
    Finish,
    /// Has the controller restart into this bank: on trial, unless it is the bank that is confirmed. Accepted without a restart if
    /// that bank runs already.
    Activate {
        /// The bank.
        bank: Bank,
    },
    /// The image that runs is to stay. Accepted if it was confirmed already; refused as [`Refusal::Announced`] if another one runs,
    /// which may be so when the controller has lost its power and the request comes a second time.
    Confirm {
        /// The digest of the image that is to stay.
        digest: Digest,
    },
}

/// Whether the image that runs is to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It was confirmed.
    Confirmed,
    /// It is on trial: after the next reset the confirmed one runs.
    Trial,
}

/// What the controller says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The bank that runs; none if only the boot loader does.
    pub running: Option<Bank>,
    /// The digest of the image that runs; zeros if none does.
    pub digest: Digest,
    /// The version of the image that runs; 0 if none does.
    pub version: u32,
    /// Whether the image that runs is to stay.
    pub state: State,
    /// The digest of the image in the bank that does not run, if there is one that can be run.
    pub other: Option<Digest>,
    /// Bytes of the largest image.
    pub limit: u32,
    /// The lowest security counter that is accepted.
    pub counter: u32,
    /// How often the controller was started.
    pub boots: u32,
}

/// What the controller answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`Request::Identify`].
    Identity(Identity),
    /// To [`Request::Read`].
    Value(i64),
    /// To [`Request::Data`]: the offset of the first byte that was not received yet.
    Received(u32),
    /// It was done, or is about to be: to all others.
    Accepted,
    /// It was not done.
    Refused(Refusal),
}

/// Kinds of requests, the first byte of their frames. An answer has [`ANSWER`] added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Identify = 1,
    Read = 2,
    Begin = 3,
    Data = 4,
    Finish = 5,
    Activate = 6,
    Confirm = 7,
}

pub(crate) const ANSWER: u8 = 0x80;
/// A broken frame was received. Its sequence number is not known.
pub(crate) const NAK: u8 = 0xff;

impl Kind {
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Identify,
            2 => Self::Read,
            3 => Self::Begin,
            4 => Self::Data,
            5 => Self::Finish,
            6 => Self::Activate,
            7 => Self::Confirm,
            _ => return None,
        })
    }
}

/// A content that is being written. What does not fit is left out, which no message here has.
pub(crate) struct Content {
    bytes: [u8; CONTENT],
    length: usize,
}

impl Content {
    fn new() -> Self {
        Self {
            bytes: [0; CONTENT],
            length: 0,
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        if let Some(place) = self.bytes.get_mut(self.length..end) {
            place.copy_from_slice(bytes);
            self.length = end;
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// A content that is being read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn word(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn digest(&mut self) -> Option<Digest> {
        self.array().map(Digest)
    }

    /// The value, if nothing is left.
    fn end<T>(self, value: T) -> Option<T> {
        self.0.is_empty().then_some(value)
    }
}

impl<'a> Request<'a> {
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Identify => Kind::Identify,
            Self::Read { .. } => Kind::Read,
            Self::Begin { .. } => Kind::Begin,
            Self::Data { .. } => Kind::Data,
            Self::Finish => Kind::Finish,
            Self::Activate { .. } => Kind::Activate,
            Self::Confirm { .. } => Kind::Confirm,
        }
    }

    pub(crate) fn encode(&self) -> Content {
        let mut content = Content::new();
        match self {
            Self::Identify | Self::Finish => {}
            Self::Confirm { digest } => content.put(&digest.0),
            Self::Read { sensor } => content.put(&[*sensor]),
            Self::Begin { length, digest } => {
                content.put(&length.to_le_bytes());
                content.put(&digest.0);
            }
            Self::Data { offset, bytes } => {
                content.put(&offset.to_le_bytes());
                content.put(bytes);
            }
            Self::Activate { bank } => content.put(&[*bank]),
        }
        content
    }

    pub(crate) fn decode(kind: Kind, content: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(content);
        let request = match kind {
            Kind::Identify => Self::Identify,
            Kind::Finish => Self::Finish,
            Kind::Confirm => Self::Confirm {
                digest: reader.digest()?,
            },
            Kind::Read => Self::Read {
                sensor: reader.byte()?,
            },
            Kind::Activate => Self::Activate {
                bank: reader.byte()?,
            },
            Kind::Begin => Self::Begin {
                length: reader.word()?,
                digest: reader.digest()?,
            },
            Kind::Data => {
                let offset = reader.word()?;
                let bytes = core::mem::take(&mut reader.0);
                if bytes.is_empty() || bytes.len() > DATA {
                    return None;
                }
                Self::Data { offset, bytes }
            }
        };
        reader.end(request)
    }
}

impl Answer {
    /// The first byte is 0, or the refusal's number, behind which there is nothing.
    pub(crate) fn encode(&self) -> Content {
        let mut content = Content::new();
        match self {
            Self::Refused(refusal) => content.put(&[refusal.code()]),
            Self::Accepted => content.put(&[0]),
            Self::Value(value) => {
                content.put(&[0]);
                content.put(&value.to_le_bytes());
            }
            Self::Received(next) => {
                content.put(&[0]);
                content.put(&next.to_le_bytes());
            }
            Self::Identity(identity) => {
                content.put(&[0]);
                identity.encode(&mut content);
            }
        }
        content
    }

    /// The answer to a request of this kind.
    pub(crate) fn decode(kind: Kind, content: &[u8]) -> Option<Self> {
        let mut reader = Reader(content);
        let status = reader.byte()?;
        if status != 0 {
            return reader.end(Self::Refused(Refusal::from_code(status)?));
        }
        let answer = match kind {
            Kind::Identify => Self::Identity(Identity::decode(&mut reader)?),
            Kind::Read => Self::Value(i64::from_le_bytes(reader.array()?)),
            Kind::Data => Self::Received(reader.word()?),
            Kind::Begin | Kind::Finish | Kind::Activate | Kind::Confirm => Self::Accepted,
        };
        reader.end(answer)
    }
}

impl Identity {
    fn encode(&self, content: &mut Content) {
        let state = match self.state {
            State::Confirmed => 0,
            State::Trial => 1,
        };
        content.put(&[
            self.running.unwrap_or(u8::MAX),
            state,
            self.other.is_some().into(),
        ]);
        for word in [self.version, self.limit, self.counter, self.boots] {
            content.put(&word.to_le_bytes());
        }
        content.put(&self.digest.0);
        content.put(&self.other.unwrap_or_default().0);
    }

    fn decode(reader: &mut Reader<'_>) -> Option<Self> {
        let [running, state, has_other] = reader.array()?;
        let running = match running {
            u8::MAX => None,
            bank @ 0..=1 => Some(bank),
            _ => return None,
        };
        let state = match state {
            0 => State::Confirmed,
            1 => State::Trial,
            _ => return None,
        };
        let [version, limit, counter, boots] = [
            reader.word()?,
            reader.word()?,
            reader.word()?,
            reader.word()?,
        ];
        let digest = reader.digest()?;
        let other = reader.digest()?;
        let other = match has_other {
            0 => None,
            1 => Some(other),
            _ => return None,
        };
        Some(Self {
            running,
            digest,
            version,
            state,
            other,
            limit,
            counter,
            boots,
        })
    }
}
