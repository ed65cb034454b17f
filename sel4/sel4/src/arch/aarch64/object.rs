// SPDX-License-Identifier: BSD-2-Clause
//! Kinds and sizes of the objects that AArch64 has.

use crate::object::{fixed, frames};
use crate::{ObjectBlueprint, sys, sys::arch_object_type as number};

/// Kinds that Arm has.
pub type ObjectTypeArch = ObjectTypeArm;

/// Kinds that Arm has.
#[derive(Debug, Clone, Eq, PartialEq)]
#[allow(missing_docs)]
pub enum ObjectTypeArm {
    SmallPage,
    LargePage,
    PT,
    VCpu,
    SeL4Arch(ObjectTypeSeL4Arch),
}

/// Kinds that AArch64 has.
pub type ObjectTypeSeL4Arch = ObjectTypeAArch64;

/// Kinds that AArch64 has.
#[derive(Debug, Clone, Copy, Eq, PartialEq)]
#[allow(missing_docs)]
pub enum ObjectTypeAArch64 {
    HugePage,
    VSpace,
}

impl ObjectTypeArm {
    /// The kernel's number.
    pub(crate) const fn into_sys(self) -> u32 {
        match self {
            Self::SmallPage => number::SMALL_PAGE,
            Self::LargePage => number::LARGE_PAGE,
            Self::PT => number::PAGE_TABLE,
            Self::VCpu => number::VCPU,
            Self::SeL4Arch(ObjectTypeAArch64::HugePage) => number::HUGE_PAGE,
            Self::SeL4Arch(ObjectTypeAArch64::VSpace) => number::VSPACE,
        }
    }
}

/// Objects that Arm has.
pub type ObjectBlueprintArch = ObjectBlueprintArm;

/// Objects that Arm has.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum ObjectBlueprintArm {
    SmallPage,
    LargePage,
    PT,
    VCpu,
    SeL4Arch(ObjectBlueprintSeL4Arch),
}

/// Objects that AArch64 has.
pub type ObjectBlueprintSeL4Arch = ObjectBlueprintAArch64;

/// Objects that AArch64 has.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum ObjectBlueprintAArch64 {
    HugePage,
    VSpace,
}

impl ObjectBlueprintArm {
    /// The kind.
    pub(crate) const fn ty(self) -> ObjectTypeArm {
        match self {
            Self::SmallPage => ObjectTypeArm::SmallPage,
            Self::LargePage => ObjectTypeArm::LargePage,
            Self::PT => ObjectTypeArm::PT,
            Self::VCpu => ObjectTypeArm::VCpu,
            Self::SeL4Arch(ObjectBlueprintAArch64::HugePage) => {
                ObjectTypeArm::SeL4Arch(ObjectTypeAArch64::HugePage)
            }
            Self::SeL4Arch(ObjectBlueprintAArch64::VSpace) => {
                ObjectTypeArm::SeL4Arch(ObjectTypeAArch64::VSpace)
            }
        }
    }

    /// log2 of the bytes that it takes.
    pub(crate) const fn physical_size_bits(self) -> u32 {
        match self {
            Self::SmallPage => sys::seL4_PageBits,
            Self::LargePage => sys::seL4_LargePageBits,
            Self::PT => sys::seL4_PageTableBits,
            Self::VCpu => sys::seL4_VCPUBits,
            Self::SeL4Arch(ObjectBlueprintAArch64::HugePage) => sys::seL4_HugePageBits,
            Self::SeL4Arch(ObjectBlueprintAArch64::VSpace) => sys::seL4_VSpaceBits,
        }
    }
}

fixed! {
    VCpu => ObjectBlueprint::Arch(ObjectBlueprintArm::VCpu);
    SmallPage => ObjectBlueprint::Arch(ObjectBlueprintArm::SmallPage);
    LargePage => ObjectBlueprint::Arch(ObjectBlueprintArm::LargePage);
    HugePage => ObjectBlueprint::from(ObjectBlueprintAArch64::HugePage);
    VSpace => ObjectBlueprint::from(ObjectBlueprintAArch64::VSpace);
    PT => ObjectBlueprint::Arch(ObjectBlueprintArm::PT);
}

/// Sizes of pages.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FrameObjectType {
    SmallPage,
    LargePage,
    HugePage,
}

impl FrameObjectType {
    /// The smallest.
    pub const GRANULE: Self = Self::SmallPage;

    /// How it is made.
    pub const fn blueprint(self) -> ObjectBlueprint {
        ObjectBlueprint::Arch(match self {
            Self::SmallPage => ObjectBlueprintArm::SmallPage,
            Self::LargePage => ObjectBlueprintArm::LargePage,
            Self::HugePage => ObjectBlueprintArm::SeL4Arch(ObjectBlueprintAArch64::HugePage),
        })
    }
}

frames!(SmallPage LargePage HugePage);

/// Kinds of translation tables.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum TranslationTableObjectType {
    PT,
    VSpace,
}

impl TranslationTableObjectType {
    /// How it is made.
    pub const fn blueprint(&self) -> ObjectBlueprint {
        ObjectBlueprint::Arch(match self {
            Self::PT => ObjectBlueprintArm::PT,
            Self::VSpace => ObjectBlueprintArm::SeL4Arch(ObjectBlueprintAArch64::VSpace),
        })
    }

    /// log2 of its entries.
    pub const fn index_bits(&self) -> usize {
        (match self {
            Self::PT => sys::seL4_PageTableIndexBits,
            Self::VSpace => sys::seL4_VSpaceIndexBits,
        }) as usize
    }
}
