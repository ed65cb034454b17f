// SPDX-License-Identifier: BSD-2-Clause
//! `stage`'s brief: what it copies from, where it keeps bundles, and how a generation is laid out.

use crate::header::{counted, is_brief};
use crate::update::{MAX_COMPONENTS, StageLink};
use crate::{BriefHeader, DriverFirmware, Entry, Identity, Name, Ring, TrustKey, VaultSlot};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Most staging regions: one for each client, and that of `flash`.
pub const MAX_STAGINGS: usize = 9;
/// Most keys of a component's ring.
pub const MAX_KEYS: usize = 8;
/// Lowest address of a driver's image.
pub const IMAGE: u64 = 0x20_0000;
/// Most ranges of a generation's address space that need page tables beyond image, stack, IPC buffer and brief.
pub const MAX_TABLES: usize = 40;

/// A range of a generation's address space that `update` will map something into.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct TableRange {
    /// First address.
    pub vaddr: u64,
    /// Bytes, whole pages.
    pub size: u64,
    /// Size of its pages in bits: 12 needs tables of both levels, 21 only the upper one.
    pub page_bits: u32,
    /// 0
    pub reserved: u32,
}

/// A replaceable PD, for `stage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct StageComponent {
    /// The PD's name.
    pub name: Name,
    /// The identifiers that a bundle must name.
    pub identity: Identity,
    /// Address of bundle slot 0; the others follow. Read-write.
    pub bundles: u64,
    /// Bytes of a bundle slot.
    pub bundle_slot_size: u64,
    /// How many slots.
    pub bundle_slots: u32,
    /// Untypeds of an arena.
    pub arena_count: u32,
    /// Size of each in bits.
    pub arena_size_bits: u32,
    /// Used part of `tables`.
    pub table_count: u32,
    /// Used part of `keys`.
    pub key_count: u32,
    /// 0
    pub reserved: u32,
    /// Bytes of the factory bundle in slot 0.
    pub factory_length: u64,
    /// Address (in `stage`, read only) of the bytes of the driver's brief, [`Entry::brief_size`] of them.
    pub brief: u64,
    /// Where a generation begins.
    pub entry: Entry,
    /// Where it has its device's firmware.
    pub firmware: DriverFirmware,
    /// What else needs page tables.
    pub tables: [TableRange; MAX_TABLES],
    /// The keys that are trusted from the start.
    pub keys: [TrustKey; MAX_KEYS],
}

impl StageComponent {
    counted!(/** Ranges that need page tables. */ tables: TableRange, table_count);
    counted!(/** The keys that are trusted from the start. */ keys: TrustKey, key_count);

    /// The addresses for an image of this component: from [`IMAGE`] to the first address above at which something else is mapped.
    pub fn image_range(&self) -> (u64, u64) {
        let entry = &self.entry;
        let fixed = [
            entry.brief,
            entry.ipc_buffer,
            entry.stack_top.saturating_sub(entry.stack_size),
        ];
        let above = self.tables().iter().map(|t| t.vaddr).chain(fixed);
        (IMAGE, above.filter(|a| *a > IMAGE).min().unwrap_or(IMAGE))
    }
}

impl Default for StageComponent {
    fn default() -> Self {
        zerocopy::FromZeros::new_zeroed()
    }
}

/// A staging region: written by a guest or by `flash`, read by `stage`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Staging {
    /// Address in `stage`, read only.
    pub vaddr: u64,
    /// Bytes.
    pub size: u64,
    /// Index of the client in [`crate::UpdateBrief::clients`], or [`crate::STORE_CLIENT`].
    pub client: u32,
    /// 0
    pub reserved: u32,
}

/// What `stage` has to work with.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct StageBrief {
    /// Header.
    pub header: BriefHeader,
    /// Its console.
    pub log: Ring,
    /// The way to `update`.
    pub update: StageLink,
    /// Its ASID pool: workshop slot ([`crate::cspace::WORKSHOP_OWN`]).
    pub asid_pool: VaultSlot,
    /// 0
    pub reserved: u32,
    /// A window for frames that are being filled: it has page tables for 4 KiB pages, and nothing is mapped.
    pub window: u64,
    /// Bytes of the window.
    pub window_size: u64,
    /// SHA-256 of the kernel's configuration, which drivers must have been built for.
    pub configuration: [u8; 32],
    /// Used part of `components`.
    pub component_count: u32,
    /// Used part of `stagings`.
    pub staging_count: u32,
    /// Replaceable PDs, indices as in `update`'s plan.
    pub components: [StageComponent; MAX_COMPONENTS],
    /// Staging regions.
    pub stagings: [Staging; MAX_STAGINGS],
}

impl StageBrief {
    counted!(/** The replaceable PDs. */ components: StageComponent, component_count);
    counted!(/** The staging regions. */ stagings: Staging, staging_count);
}

is_brief!(StageBrief, Stage);
