// SPDX-License-Identifier: BSD-2-Clause
//! The doorbell on a byte stream: the port [`NAME`] of a guest's virtio console.
//!
//! The same commands as by the [registers](crate::regs), with the bundle's bytes in the stream, so that a guest needs neither the
//! registers' page nor the staging region. A session begins when the guest opens the port and ends when it closes the port or
//! resets the device; a transaction goes on without a session.
//!
//! Both sides send frames: a [`Header`] and a body. Numbers are little endian. The guest sends one command after the
//! other, [`Kind::Hello`] first, and gets exactly one answer to each, in order: with the command's number and [`ANSWER`], or
//! [`ERROR`] instead. No more is taken of the guest until an answer has been sent and read.
//!
//! | command | body | body of the answer |
//! |---|---|---|
//! | [`Kind::Hello`] | [`Hello`]: the highest version that the guest knows | [`Welcome`]: the version that is spoken |
//! | [`Kind::Devices`] | | up to [`DEVICES`] times [`Device`] |
//! | [`Kind::Offer`] | [`Target`], then the bundle | [`State`], once `update` has answered |
//! | [`Kind::Confirm`], [`Kind::Cancel`] | [`Handle`] | the same |
//! | [`Kind::Forgive`] | [`Target`] | the same |
//! | [`Kind::Defer`] | [`Deferral`] | [`Deferral`]: the longest time |
//! | [`Kind::State`] | | [`State`] |
//! | [`Kind::Deferrer`] | | [`Deferrer`] |
//! | [`Kind::Next`] | | [`State`], once it is another one than this session was told last |
//! | [`Kind::Log`] | | up to [`ENTRIES`] times [`Entry`], the oldest first |
//! | any | | with [`ERROR`]: [`Error`], a [`Fault`] |
//!
//! A bundle that does not fit into the staging region is dropped, and offered at its true length, so that `update` refuses it.
//! A command with an unknown number or a wrong length is answered by an error, and the next one is read; after an error
//! to the first command of a session the rest of the session is dropped.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The port's name.
pub const NAME: &str = "org.molt.doorbell";
/// First field of [`Hello`] and [`Welcome`].
pub const MAGIC: u32 = crate::regs::MAGIC_VALUE;
/// The newest version of the protocol.
pub const VERSION: u32 = 1;
/// Added to a command's number in its answer.
pub const ANSWER: u32 = 0x80;
/// The number of an answer that is an error.
pub const ERROR: u32 = 0xff;
/// Most devices of an answer.
pub const DEVICES: usize = 8;
/// Most entries of the log.
pub const ENTRIES: usize = 32;
/// Bytes of the longest answer.
pub const LONGEST: usize = size_of::<Header>() + ENTRIES * size_of::<Entry>();

/// The number of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// The first one of a session.
    Hello = 1,
    /// Which components the guest uses, and which it may update.
    Devices = 2,
    /// Offers the bundle that follows.
    Offer = 3,
    /// Confirms the offer.
    Confirm = 4,
    /// Takes the offer back.
    Cancel = 5,
    /// Where the transaction stands.
    State = 6,
    /// Where it stands, once that is news.
    Next = 7,
    /// What the VMM has seen of this guest's transactions since its start.
    Log = 8,
    /// Forgets failed images ([`crate::Command::Forgive`]).
    Forgive = 9,
    /// Defers updates of a device, or does not defer them any more. It goes to the VMM, and not to `update`.
    Defer = 10,
    /// Which guest the update waits for.
    Deferrer = 11,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Hello,
        Self::Devices,
        Self::Offer,
        Self::Confirm,
        Self::Cancel,
        Self::State,
        Self::Next,
        Self::Log,
        Self::Forgive,
        Self::Defer,
        Self::Deferrer,
    ];

    /// The command of this number, if there is one.
    #[must_use]
    pub fn from_u32(value: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u32 == value)
    }

    /// The bytes of its body; of an offer's, those in front of the bundle.
    #[must_use]
    pub const fn body(self) -> usize {
        match self {
            Self::Hello => size_of::<Hello>(),
            Self::Offer | Self::Forgive => size_of::<Target>(),
            Self::Confirm | Self::Cancel => size_of::<Handle>(),
            Self::Defer => size_of::<Deferral>(),
            Self::Devices | Self::Deferrer | Self::State | Self::Next | Self::Log => 0,
        }
    }
}

/// Why a command was not carried out. Refusals of `update` are no faults: they are in [`State`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Fault {
    /// The session does not begin with a [`Hello`].
    NotHello = 1,
    /// A version that is not known.
    Version = 2,
    /// No command has this number.
    UnknownCommand = 3,
    /// The body has not the length that the command has.
    BadLength = 4,
    /// A transaction of this guest is under way; nothing was offered.
    Busy = 5,
    /// The guest may not defer updates of this device.
    NotAllowed = 6,
    /// The device is away just now, or about to be: it is too late to defer that.
    TooLate = 7,
}

impl Fault {
    /// The fault of this number, if there is one.
    #[must_use]
    pub fn from_u32(value: u32) -> Option<Self> {
        let all = [
            Self::NotHello,
            Self::Version,
            Self::UnknownCommand,
            Self::BadLength,
            Self::Busy,
            Self::NotAllowed,
            Self::TooLate,
        ];
        all.into_iter().find(|fault| *fault as u32 == value)
    }

    /// One word (no spaces) for JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotHello => "not-hello",
            Self::Version => "version",
            Self::UnknownCommand => "unknown-command",
            Self::BadLength => "bad-length",
            Self::Busy => "busy",
            Self::NotAllowed => "not-allowed",
            Self::TooLate => "too-late",
        }
    }

    /// The text for a person.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::NotHello => "the session did not begin with a greeting",
            Self::Version => "the doorbell does not speak this version of the protocol",
            Self::UnknownCommand => "the doorbell does not know this command",
            Self::BadLength => "a command had a wrong length",
            Self::Busy => "another update of this guest is under way",
            Self::NotAllowed => "this guest may not defer updates of this device",
            Self::TooLate => "it is too late: the device is being taken away, or is not there yet",
        }
    }
}

macro_rules! body {
    ($(#[$doc:meta])* $name:ident { $($(#[$field:meta])* $member:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
        #[repr(C)]
        pub struct $name {
            $($(#[$field])* pub $member: $type,)*
        }
    };
}

body! {
    /// In front of every body.
    Header {
        /// A [`Kind`]; in an answer with [`ANSWER`], or [`ERROR`].
        kind: U32,
        /// Bytes of the body.
        length: U32,
    }
}

body! {
    /// The guest's greeting.
    Hello {
        /// [`MAGIC`].
        magic: U32,
        /// The highest version that it knows, 1 at least.
        version: U32,
    }
}

body! {
    /// The answer to the greeting.
    Welcome {
        /// [`MAGIC`].
        magic: U32,
        /// The highest version that both know.
        version: U32,
        /// Most bytes of a bundle.
        longest_bundle: U32,
    }
}

body! {
    /// A component.
    Target {
        /// Its index in the system's plan.
        component: U32,
    }
}

body! {
    /// For how long a guest defers updates.
    Deferral {
        /// Of this component.
        component: U32,
        /// From now on, in ms; 0: not any more. In the answer: for how long an update waits for this guest at the most.
        ms: U32,
    }
}

body! {
    /// The guest that the update waits for, while its status is `Deferred`; else all zeros.
    Deferrer {
        /// For how long at the most, from now on, in ms.
        left_ms: U64,
        /// The name of its client, filled with zeros.
        name: [u8; 16],
    }
}

body! {
    /// An offer.
    Handle {
        /// Its component.
        component: U32,
        /// Its handle.
        handle: U64,
    }
}

body! {
    /// A component that the guest uses.
    Device {
        /// Its index in the system's plan.
        component: U32,
        /// [`Device::MAY_UPDATE`], [`Device::SEQUENCE`], [`Device::MAY_DEFER`], [`Device::WAITS`].
        flags: U32,
        /// Number of the generation that it is granted to.
        generation: U64,
        /// Sequence number committed last, as far as this guest's doorbell has been told.
        sequence: U64,
        /// Its name, filled with zeros.
        name: [u8; 16],
    }
}

impl Device {
    /// The guest may offer updates of it.
    pub const MAY_UPDATE: u32 = 1;
    /// The sequence number is known.
    pub const SEQUENCE: u32 = 2;
    /// The guest may defer updates of it.
    pub const MAY_DEFER: u32 = 4;
    /// An update of it waits for this guest.
    pub const WAITS: u32 = 8;

    /// Its name as text; empty where it is no UTF-8.
    #[must_use]
    pub fn name(&self) -> &str {
        text(&self.name)
    }
}

impl Deferrer {
    /// Its name as text; empty where it is no UTF-8, or where there is none.
    #[must_use]
    pub fn name(&self) -> &str {
        text(&self.name)
    }
}

fn text(name: &[u8; 16]) -> &str {
    let used = name.split(|byte| *byte == 0).next();
    core::str::from_utf8(used.unwrap_or_default()).unwrap_or_default()
}

body! {
    /// The state of the guest's transaction.
    State {
        /// The component that the newest command was about.
        component: U32,
        /// A [`Status`](crate::Status).
        status: U32,
        /// A [`Reason`](crate::Reason).
        reason: U32,
        /// 0 to 1000.
        progress: U32,
        /// The offer's handle, while it waits for the confirm; else 0.
        handle: U64,
        /// Number of the generation that the component is granted to.
        generation: U64,
        /// The sequence number committed last.
        sequence: U64,
    }
}

body! {
    /// A state that the transaction has reached.
    Entry {
        /// How long ago, in us.
        ago_us: U64,
        /// The component.
        component: U32,
        /// A [`Status`](crate::Status).
        status: U32,
        /// A [`Reason`](crate::Reason).
        reason: U32,
        /// 0
        reserved: U32,
        /// Number of the generation that the component was granted to.
        generation: U64,
        /// The sequence number committed last.
        sequence: U64,
    }
}

body! {
    /// An error.
    Error {
        /// A [`Fault`].
        fault: U32,
    }
}

impl Header {
    /// In front of a command with a body of `length` bytes.
    #[must_use]
    pub fn command(kind: Kind, length: u32) -> Self {
        Self {
            kind: (kind as u32).into(),
            length: length.into(),
        }
    }

    /// In front of an answer with a body of `length` bytes; the numbers of bodies here are small.
    #[must_use]
    pub fn answer(kind: Kind, length: usize) -> Self {
        Self {
            kind: (kind as u32 | ANSWER).into(),
            length: (length as u32).into(),
        }
    }

    /// In front of an error.
    #[must_use]
    pub fn error() -> Self {
        Self {
            kind: ERROR.into(),
            length: (size_of::<Error>() as u32).into(),
        }
    }
}

/// The first frame of what has come, if it is whole: its header, its body, and what is behind it.
#[must_use]
pub fn frame(bytes: &[u8]) -> Option<(Header, &[u8], &[u8])> {
    let (header, rest) = Header::read_from_prefix(bytes).ok()?;
    let (body, rest) = rest.split_at_checked(header.length.get() as usize)?;
    Some((header, body, rest))
}

// The layouts of the bodies, which both sides are built with.
const _: () = assert!(size_of::<Header>() == 8 && size_of::<Handle>() == 12);
const _: () = assert!(size_of::<Device>() == 40 && size_of::<State>() == 40);
const _: () = assert!(size_of::<Entry>() == 40 && size_of::<Welcome>() == 12);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_when_it_is_whole() {
        let header = Header::command(Kind::Forgive, 4);
        let target = Target {
            component: 7.into(),
        };
        let mut bytes = [0; 13];
        bytes[..8].copy_from_slice(header.as_bytes());
        bytes[8..12].copy_from_slice(target.as_bytes());
        assert_eq!(bytes[..12], [9, 0, 0, 0, 4, 0, 0, 0, 7, 0, 0, 0]);
        for short in 0..12 {
            assert_eq!(frame(&bytes[..short]), None);
        }
        assert_eq!(frame(&bytes), Some((header, target.as_bytes(), &[0][..])));
        let huge = [0xff; 8];
        assert_eq!(frame(&huge), None);
    }

    #[test]
    fn numbers_that_are_none() {
        assert_eq!(Kind::from_u32(0), None);
        assert_eq!(Kind::from_u32(12), None);
        assert_eq!(Kind::from_u32(9), Some(Kind::Forgive));
        assert_eq!(Fault::from_u32(0), None);
        assert_eq!(Fault::from_u32(8), None);
        assert_eq!(Fault::from_u32(5), Some(Fault::Busy));
    }

    #[test]
    fn a_name_ends_at_its_first_zero() {
        let mut device = Device::default();
        assert_eq!(device.name(), "");
        device.name[..4].copy_from_slice(b"disk");
        assert_eq!(device.name(), "disk");
        device.name = [0xff; 16];
        assert_eq!(device.name(), "");
    }
}
