// SPDX-License-Identifier: BSD-2-Clause
//! Kinds and sizes of the objects that x86_64 has.

use crate::object::{fixed, frames};
use crate::{ObjectBlueprint, sys, sys::arch_object_type as number};

/// Kinds that x86 has.
pub type ObjectTypeArch = ObjectTypeX86;

/// Kinds that x86 has.
#[derive(Debug, Clone, Eq, PartialEq)]
#[allow(missing_docs)]
pub enum ObjectTypeX86 {
    _4k,
    LargePage,
    PageTable,
    PageDirectory,
    IOPageTable,
    SeL4Arch(ObjectTypeSeL4Arch),
}

/// Kinds that x86_64 has.
pub type ObjectTypeSeL4Arch = ObjectTypeX64;

/// Kinds that x86_64 has.
#[derive(Debug, Clone, Copy, Eq, PartialEq)]
#[allow(missing_docs)]
pub enum ObjectTypeX64 {
    HugePage,
    PDPT,
    PML4,
}

impl ObjectTypeX86 {
    /// The kernel's number.
    pub(crate) const fn into_sys(self) -> u32 {
        match self {
            Self::_4k => number::PAGE_4K,
            Self::LargePage => number::LARGE_PAGE,
            Self::PageTable => number::PAGE_TABLE,
            Self::PageDirectory => number::PAGE_DIRECTORY,
            Self::IOPageTable => number::IO_PAGE_TABLE,
            Self::SeL4Arch(ObjectTypeX64::HugePage) => number::HUGE_PAGE,
            Self::SeL4Arch(ObjectTypeX64::PDPT) => number::PDPT,
            Self::SeL4Arch(ObjectTypeX64::PML4) => number::PML4,
        }
    }
}

/// Objects that x86 has.
pub type ObjectBlueprintArch = ObjectBlueprintX86;

/// Objects that x86 has.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum ObjectBlueprintX86 {
    _4k,
    LargePage,
    PageTable,
    PageDirectory,
    IOPageTable,
    SeL4Arch(ObjectBlueprintSeL4Arch),
}

/// Objects that x86_64 has.
pub type ObjectBlueprintSeL4Arch = ObjectBlueprintX64;

/// Objects that x86_64 has.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum ObjectBlueprintX64 {
    HugePage,
    PDPT,
    PML4,
}

impl ObjectBlueprintX86 {
    /// The kind.
    pub(crate) const fn ty(self) -> ObjectTypeX86 {
        match self {
            Self::_4k => ObjectTypeX86::_4k,
            Self::LargePage => ObjectTypeX86::LargePage,
            Self::PageTable => ObjectTypeX86::PageTable,
            Self::PageDirectory => ObjectTypeX86::PageDirectory,
            Self::IOPageTable => ObjectTypeX86::IOPageTable,
            Self::SeL4Arch(ObjectBlueprintX64::HugePage) => {
                ObjectTypeX86::SeL4Arch(ObjectTypeX64::HugePage)
            }
            Self::SeL4Arch(ObjectBlueprintX64::PDPT) => {
                ObjectTypeX86::SeL4Arch(ObjectTypeX64::PDPT)
            }
            Self::SeL4Arch(ObjectBlueprintX64::PML4) => {
                ObjectTypeX86::SeL4Arch(ObjectTypeX64::PML4)
            }
        }
    }

    /// log2 of the bytes that it takes.
    pub(crate) const fn physical_size_bits(self) -> u32 {
        match self {
            Self::_4k => sys::seL4_PageBits,
            Self::LargePage => sys::seL4_LargePageBits,
            Self::PageTable | Self::PageDirectory => sys::seL4_PageTableBits,
            Self::IOPageTable => sys::seL4_IOPageTableBits,
            Self::SeL4Arch(ObjectBlueprintX64::HugePage) => sys::seL4_HugePageBits,
            Self::SeL4Arch(ObjectBlueprintX64::PDPT) => sys::seL4_PageTableBits,
            Self::SeL4Arch(ObjectBlueprintX64::PML4) => sys::seL4_VSpaceBits,
        }
    }
}

fixed! {
    _4k => ObjectBlueprint::Arch(ObjectBlueprintX86::_4k);
    LargePage => ObjectBlueprint::Arch(ObjectBlueprintX86::LargePage);
    HugePage => ObjectBlueprint::from(ObjectBlueprintX64::HugePage);
    PML4 => ObjectBlueprint::from(ObjectBlueprintX64::PML4);
    PDPT => ObjectBlueprint::from(ObjectBlueprintX64::PDPT);
    PageDirectory => ObjectBlueprint::Arch(ObjectBlueprintX86::PageDirectory);
    PageTable => ObjectBlueprint::Arch(ObjectBlueprintX86::PageTable);
    IOPageTable => ObjectBlueprint::Arch(ObjectBlueprintX86::IOPageTable);
}

/// Sizes of pages.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FrameObjectType {
    _4k,
    LargePage,
    HugePage,
}

impl FrameObjectType {
    /// The smallest.
    pub const GRANULE: Self = Self::_4k;

    /// How it is made.
    pub const fn blueprint(self) -> ObjectBlueprint {
        ObjectBlueprint::Arch(match self {
            Self::_4k => ObjectBlueprintX86::_4k,
            Self::LargePage => ObjectBlueprintX86::LargePage,
            Self::HugePage => ObjectBlueprintX86::SeL4Arch(ObjectBlueprintX64::HugePage),
        })
    }
}

frames!(_4k LargePage HugePage);

/// Kinds of translation tables.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum TranslationTableObjectType {
    PML4,
    PDPT,
    PageDirectory,
    PageTable,
}

impl TranslationTableObjectType {
    /// How it is made.
    pub const fn blueprint(&self) -> ObjectBlueprint {
        ObjectBlueprint::Arch(match self {
            Self::PML4 => ObjectBlueprintX86::SeL4Arch(ObjectBlueprintX64::PML4),
            Self::PDPT => ObjectBlueprintX86::SeL4Arch(ObjectBlueprintX64::PDPT),
            Self::PageDirectory => ObjectBlueprintX86::PageDirectory,
            Self::PageTable => ObjectBlueprintX86::PageTable,
        })
    }

    /// log2 of its entries.
    pub const fn index_bits(&self) -> usize {
        sys::seL4_PageTableIndexBits as usize
    }
}
