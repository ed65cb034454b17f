// SPDX-License-Identifier: BSD-2-Clause
//! A record of the log: 256 bytes, little endian.

use sha2::{Digest as _, Sha256};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Bytes of a record.
pub const RECORD: usize = 256;
/// The first word of a record: `MLR1`.
pub(crate) const MAGIC: u32 = u32::from_le_bytes(*b"MLR1");

/// SHA-256.
pub type Digest = [u8; 32];
/// A name of at most 16 bytes, NUL padded.
pub type Name = [u8; 16];

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// A component has started after power-on: with its committed image, or with the factory's for the reason that is given.
    Started = 1,
    /// An offer was accepted.
    Offered = 2,
    /// An offer or its bundle was refused.
    Refused = 3,
    /// The image was committed: from here on it is what starts.
    Committed = 4,
    /// The image was rolled back, and is not accepted again.
    RolledBack = 5,
    /// The committed image failed and was started again.
    Recovered = 6,
    /// The component was put out of service.
    OutOfService = 7,
    /// The images of the component that failed were forgiven; only this one, if one is given.
    Forgiven = 8,
    /// The commit of the image was written and could not be acknowledged; the image before it was brought back.
    TakenBack = 9,
    /// The operator has frozen the component.
    Frozen = 10,
    /// The operator has ended that.
    Thawed = 11,
    /// The operator has approved the image.
    Approved = 12,
    /// The operator has rolled back: from here on the image, which was committed before, is what starts.
    Reverted = 13,
    /// The operator has put the component back into service.
    Restored = 14,
    /// The operator has admitted a fenced client.
    Readmitted = 15,
    /// The list of keys is in force.
    KeysExchanged = 16,
    /// The image of one component of a bundle that has several. It is committed with the record *committed* that follows and counts
    /// it; without that record it is not.
    Joined = 17,
    /// The update waits for the client, which defers it.
    Deferred = 18,
    /// It does not wait for the client any more.
    Admitted = 19,
    /// The operator has forced the update: it waits for no client.
    Forced = 20,
}

impl Kind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 20] = [
        Self::Started,
        Self::Offered,
        Self::Refused,
        Self::Committed,
        Self::RolledBack,
        Self::Recovered,
        Self::OutOfService,
        Self::Forgiven,
        Self::TakenBack,
        Self::Frozen,
        Self::Thawed,
        Self::Approved,
        Self::Reverted,
        Self::Restored,
        Self::Readmitted,
        Self::KeysExchanged,
        Self::Joined,
        Self::Deferred,
        Self::Admitted,
        Self::Forced,
    ];

    /// The kind with this number.
    #[must_use]
    pub fn from_u32(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u32 == number)
    }

    /// One word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Offered => "offered",
            Self::Refused => "refused",
            Self::Committed => "committed",
            Self::RolledBack => "rolled-back",
            Self::Recovered => "recovered",
            Self::OutOfService => "out-of-service",
            Self::Forgiven => "forgiven",
            Self::TakenBack => "taken-back",
            Self::Frozen => "frozen",
            Self::Thawed => "thawed",
            Self::Approved => "approved",
            Self::Reverted => "reverted",
            Self::Restored => "restored",
            Self::Readmitted => "readmitted",
            Self::KeysExchanged => "keys-exchanged",
            Self::Joined => "joined",
            Self::Deferred => "deferred",
            Self::Admitted => "admitted",
            Self::Forced => "forced",
        }
    }
}

/// A record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Record {
    pub(crate) magic: u32,
    /// CRC-32 (ISO-HDLC) of everything behind it.
    pub(crate) crc: u32,
    /// Its number, counted from 0.
    pub number: u64,
    /// The number of the power-on in which it was made, counted from 1.
    pub start: u32,
    /// A [`Kind`] as a number.
    pub kind: u32,
    /// Time since that power-on, in us.
    pub time_us: u64,
    /// The sequence number of the bundle or list of keys, where it is known.
    pub sequence: u64,
    /// *Committed*, *joined*, *keys exchanged*: bytes of the bundle or list.
    pub length: u64,
    /// *Committed*, *joined*, *keys exchanged*: the slot, 0 or 1.
    pub slot: u32,
    /// Why: a number of whoever wrote it.
    pub reason: u32,
    /// So many refusals before this record were not recorded.
    pub left_out: u32,
    /// *Committed*: so many records *joined* right before it are committed with it.
    pub joined: u32,
    /// The component.
    pub component: Name,
    /// The client that offered, or that defers the update; empty if it was none.
    pub client: Name,
    /// SHA-256 of the image, where it is known.
    pub image: Digest,
    /// *Committed*, *joined*, *keys exchanged*: SHA-256 of the bundle or list. *Refused*: the same, where it was copied.
    pub bundle: Digest,
    /// SHA-256 of the whole record before this one; zeros in the first one.
    pub previous: Digest,
    /// SHA-256 of the bundle's manifest, as its envelope has it, where it is known. That of a bundle that was refused may not be
    /// right.
    pub manifest: Digest,
    /// 0
    pub unused: [u8; 32],
}

const _: () = assert!(size_of::<Record>() == RECORD);

impl Record {
    /// An empty record of a kind.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self {
            magic: MAGIC,
            kind: kind as u32,
            ..zerocopy::FromZeros::new_zeroed()
        }
    }

    /// Its kind; `None` for one of a later version.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        Kind::from_u32(self.kind)
    }

    /// Sets the CRC.
    #[must_use]
    pub(crate) fn sealed(mut self) -> Self {
        self.crc = self.sum();
        self
    }

    /// The record in a cell; `None` if it is none, or is torn.
    #[must_use]
    pub fn read(cell: &[u8; RECORD]) -> Option<Self> {
        let record = Self::read_from_bytes(cell).ok()?;
        (record.magic == MAGIC && record.crc == record.sum()).then_some(record)
    }

    /// Its bytes as little endian words.
    #[must_use]
    pub fn words(&self) -> [u64; RECORD / 8] {
        zerocopy::transmute!(*self)
    }

    /// The record of these words; `None` if it is none.
    #[must_use]
    pub fn of_words(words: [u64; RECORD / 8]) -> Option<Self> {
        let bytes: [u8; RECORD] = zerocopy::transmute!(words);
        Self::read(&bytes)
    }

    /// What the next record's [`Self::previous`] has to be.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Sha256::digest(self.as_bytes()).into()
    }

    fn sum(&self) -> u32 {
        crc32fast::hash(self.as_bytes().get(8..).unwrap_or_default())
    }
}
