// SPDX-License-Identifier: BSD-2-Clause
//! The header of every brief, and the function that checks it.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `MOLTBRIF`, the first 8 bytes of every brief.
pub const MAGIC: u64 = u64::from_le_bytes(*b"MOLTBRIF");
/// Version of all tables of this crate; a field added at an end raises it.
pub const VERSION: u32 = 3;

/// The kind of PD that a brief is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum BriefKind {
    /// [`crate::UpdateBrief`]
    Update = 1,
    /// [`crate::StageBrief`]
    Stage = 2,
    /// [`crate::VmmBrief`]: a VMM, or a native client
    Vmm = 3,
    /// [`crate::SerialBrief`]
    Serial = 4,
    /// [`crate::TimerBrief`]
    Timer = 5,
    /// [`crate::DriverBrief`]
    Driver = 6,
    /// [`crate::FlashBrief`]
    Flash = 7,
}

/// The first 32 bytes of every brief.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct BriefHeader {
    /// [`MAGIC`]
    pub magic: u64,
    /// A [`BriefKind`] as a number.
    pub kind: u32,
    /// [`VERSION`]
    pub version: u32,
    /// Bytes of the whole brief.
    pub size: u64,
    /// Frequency of the counter that programs read time from, filled in by `monitor` where only the kernel knows it; 0: the
    /// machine says it.
    pub counter_hz: u64,
}

impl BriefHeader {
    /// The header of a brief of type `T`.
    pub fn of<T: Brief>() -> Self {
        BriefHeader {
            magic: MAGIC,
            kind: T::KIND as u32,
            version: VERSION,
            size: size_of::<T>() as u64,
            counter_hz: 0,
        }
    }
}

/// A table that is some PD's brief.
pub trait Brief: FromBytes + IntoBytes + Immutable + KnownLayout {
    /// The kind of the brief.
    const KIND: BriefKind;
    /// The header, for the check in [`brief`].
    fn header(&self) -> &BriefHeader;
}

/// Why a brief was refused. Each of these is an error of the build: tool and PD do not belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BriefError {
    /// Fewer bytes than the brief has, or not aligned to 8.
    Layout,
    /// Not a brief.
    Magic(u64),
    /// Of another version of the tables.
    Version(u32),
    /// Somebody else's brief.
    Kind(u32),
}

/// The brief that `bytes` begin with. What it says of the counter is told to `molt_clock`.
///
/// # Errors
/// When the bytes are too few or misaligned, or hold something else ([`BriefError`]).
pub fn brief<T: Brief>(bytes: &[u8]) -> Result<&T, BriefError> {
    let (table, _) = T::ref_from_prefix(bytes).map_err(|_| BriefError::Layout)?;
    let header = table.header();
    if header.magic != MAGIC {
        return Err(BriefError::Magic(header.magic));
    }
    if header.version != VERSION || header.size != size_of::<T>() as u64 {
        return Err(BriefError::Version(header.version));
    }
    if header.kind != T::KIND as u32 {
        return Err(BriefError::Kind(header.kind));
    }
    if let Some(frequency) = molt_clock::Frequency::new(header.counter_hz) {
        molt_clock::tell(frequency);
    }
    Ok(table)
}

/// Implements [`Brief`] for a table with a field `header`.
macro_rules! is_brief {
    ($table:ty, $kind:ident) => {
        impl $crate::Brief for $table {
            const KIND: $crate::BriefKind = $crate::BriefKind::$kind;
            fn header(&self) -> &$crate::BriefHeader {
                &self.header
            }
        }
    };
}
pub(crate) use is_brief;

/// An accessor for the used part of a counted table.
macro_rules! counted {
    ($(#[$doc:meta])* $name:ident: $item:ty, $count:ident) => {
        $(#[$doc])*
        pub fn $name(&self) -> &[$item] {
            self.$name.get(..self.$count as usize).unwrap_or(&self.$name)
        }
    };
}
pub(crate) use counted;
