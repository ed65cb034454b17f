// SPDX-License-Identifier: BSD-2-Clause
//! Address spaces and mappings, for programs that do not care for the architecture.

use sel4::{
    ObjectBlueprint, ObjectBlueprintX64, ObjectBlueprintX86, TranslationTableObjectType,
    VmAttributes,
};

/// How an address space is made.
pub const VSPACE: ObjectBlueprint =
    ObjectBlueprint::Arch(ObjectBlueprintX86::SeL4Arch(ObjectBlueprintX64::PML4));

/// The translation tables below the first one, upper ones first: log2 of the bytes that one translates, and its kind.
pub const TABLES: [(u32, TranslationTableObjectType); 3] = [
    (39, TranslationTableObjectType::PDPT),
    (30, TranslationTableObjectType::PageDirectory),
    (21, TranslationTableObjectType::PageTable),
];

/// Memory: cached. The kernel has no attribute against instruction fetches, so `execute` says nothing to it.
pub const fn normal(_execute: bool) -> VmAttributes {
    VmAttributes::DEFAULT
}

/// A device's registers: not cached.
pub const fn device() -> VmAttributes {
    VmAttributes::CACHE_DISABLED
}
