// SPDX-License-Identifier: BSD-2-Clause
//! The brief of `flash`.

use crate::header::{counted, is_brief};
use crate::update::{MAX_CLIENTS, MAX_COMPONENTS, StageLink};
use crate::{BriefHeader, Name, Ring};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Stands for `flash` in [`crate::Staging::client`]: what it delivers at a start is copied and verified like a guest's bundle.
pub const STORE_CLIENT: u32 = MAX_CLIENTS as u32;
/// Bytes of the log at the beginning of the bank.
pub const LOG_SIZE: u64 = 4 << 20;
/// Slots in the bank are multiples of this, which is a multiple of the block size of every part that can be used.
pub const SLOT_UNIT: u64 = 256 << 10;

/// A replaceable PD, for `flash`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct FlashComponent {
    /// The PD's name.
    pub name: Name,
    /// Address of `stage`'s bundle slot 0, read only; the others follow.
    pub bundles: u64,
    /// Bytes of a bundle slot.
    pub bundle_slot_size: u64,
    /// How many bundle slots.
    pub bundle_slots: u64,
    /// Offset of its two slots for bundles in the bank.
    pub offset: u64,
    /// Bytes of a slot in the bank.
    pub size: u64,
    /// Offset of its two slots for lists of keys in the bank, each of [`SLOT_UNIT`].
    pub keys: u64,
}

/// What `flash` has to work with.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct FlashBrief {
    /// Header.
    pub header: BriefHeader,
    /// Its console.
    pub log: Ring,
    /// The way to `update`.
    pub update: StageLink,
    /// Address of the bank.
    pub bank: u64,
    /// Bytes of the bank.
    pub bank_size: u64,
    /// Address of the memory in which it delivers a bundle, and which `stage` reads.
    pub delivery: u64,
    /// Bytes of it.
    pub delivery_size: u64,
    /// Used part of `components`.
    pub component_count: u32,
    /// Used part of `clients`.
    pub client_count: u32,
    /// Replaceable PDs, indices as in `update`'s plan.
    pub components: [FlashComponent; MAX_COMPONENTS],
    /// Names of the clients, indices as in `update`'s plan.
    pub clients: [Name; MAX_CLIENTS],
}

impl FlashBrief {
    counted!(/** The replaceable PDs. */ components: FlashComponent, component_count);
    counted!(/** The clients' names. */ clients: Name, client_count);
}

is_brief!(FlashBrief, Flash);
