// SPDX-License-Identifier: BSD-2-Clause
//! Kinds and sizes of kernel objects.

use crate::{CapType, cap_type, sys, sys::object_type as number};

/// The kind of an object (`seL4_ObjectType`).
#[derive(Debug, Clone, Eq, PartialEq)]
#[allow(missing_docs)]
pub enum ObjectType {
    Untyped,
    Endpoint,
    Notification,
    CNode,
    Tcb,
    SchedContext,
    Reply,
    Arch(ObjectTypeArch),
}

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

impl ObjectType {
    /// The kernel's number.
    pub const fn into_sys(self) -> u32 {
        match self {
            Self::Untyped => number::UNTYPED,
            Self::Endpoint => number::ENDPOINT,
            Self::Notification => number::NOTIFICATION,
            Self::CNode => number::CNODE,
            Self::Tcb => number::TCB,
            Self::SchedContext => number::SCHED_CONTEXT,
            Self::Reply => number::REPLY,
            Self::Arch(ObjectTypeArm::SmallPage) => number::SMALL_PAGE,
            Self::Arch(ObjectTypeArm::LargePage) => number::LARGE_PAGE,
            Self::Arch(ObjectTypeArm::PT) => number::PAGE_TABLE,
            Self::Arch(ObjectTypeArm::VCpu) => number::VCPU,
            Self::Arch(ObjectTypeArm::SeL4Arch(ObjectTypeAArch64::HugePage)) => number::HUGE_PAGE,
            Self::Arch(ObjectTypeArm::SeL4Arch(ObjectTypeAArch64::VSpace)) => number::VSPACE,
        }
    }
}

/// What `Untyped_Retype` has to make: a kind, and a size if the kind has no fixed one.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum ObjectBlueprint {
    /// log2 of the size in bytes.
    Untyped {
        size_bits: usize,
    },
    Endpoint,
    Notification,
    /// log2 of the slots.
    CNode {
        size_bits: usize,
    },
    Tcb,
    /// log2 of the size in bytes.
    SchedContext {
        size_bits: usize,
    },
    Reply,
    Arch(ObjectBlueprintArch),
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

impl ObjectBlueprint {
    /// The kind.
    pub const fn ty(self) -> ObjectType {
        match self {
            Self::Untyped { .. } => ObjectType::Untyped,
            Self::Endpoint => ObjectType::Endpoint,
            Self::Notification => ObjectType::Notification,
            Self::CNode { .. } => ObjectType::CNode,
            Self::Tcb => ObjectType::Tcb,
            Self::SchedContext { .. } => ObjectType::SchedContext,
            Self::Reply => ObjectType::Reply,
            Self::Arch(arch) => ObjectType::Arch(match arch {
                ObjectBlueprintArm::SmallPage => ObjectTypeArm::SmallPage,
                ObjectBlueprintArm::LargePage => ObjectTypeArm::LargePage,
                ObjectBlueprintArm::PT => ObjectTypeArm::PT,
                ObjectBlueprintArm::VCpu => ObjectTypeArm::VCpu,
                ObjectBlueprintArm::SeL4Arch(ObjectBlueprintAArch64::HugePage) => {
                    ObjectTypeArm::SeL4Arch(ObjectTypeAArch64::HugePage)
                }
                ObjectBlueprintArm::SeL4Arch(ObjectBlueprintAArch64::VSpace) => {
                    ObjectTypeArm::SeL4Arch(ObjectTypeAArch64::VSpace)
                }
            }),
        }
    }

    /// The size that is passed to the kernel, where one is.
    pub const fn api_size_bits(self) -> Option<usize> {
        match self {
            Self::Untyped { size_bits }
            | Self::CNode { size_bits }
            | Self::SchedContext { size_bits } => Some(size_bits),
            _ => None,
        }
    }

    /// log2 of the bytes that it takes.
    pub const fn physical_size_bits(self) -> usize {
        let bits = match self {
            Self::Untyped { size_bits } => return size_bits,
            Self::CNode { size_bits } => return sys::seL4_SlotBits as usize + size_bits,
            Self::SchedContext { size_bits } => {
                let min = sys::seL4_MinSchedContextBits as usize;
                return if size_bits > min { size_bits } else { min };
            }
            Self::Endpoint => sys::seL4_EndpointBits,
            Self::Notification => sys::seL4_NotificationBits,
            Self::Tcb => sys::seL4_TCBBits,
            Self::Reply => sys::seL4_ReplyBits,
            Self::Arch(ObjectBlueprintArm::SmallPage) => sys::seL4_PageBits,
            Self::Arch(ObjectBlueprintArm::LargePage) => sys::seL4_LargePageBits,
            Self::Arch(ObjectBlueprintArm::PT) => sys::seL4_PageTableBits,
            Self::Arch(ObjectBlueprintArm::VCpu) => sys::seL4_VCPUBits,
            Self::Arch(ObjectBlueprintArm::SeL4Arch(ObjectBlueprintAArch64::HugePage)) => {
                sys::seL4_HugePageBits
            }
            Self::Arch(ObjectBlueprintArm::SeL4Arch(ObjectBlueprintAArch64::VSpace)) => {
                sys::seL4_VSpaceBits
            }
        };
        bits as usize
    }

    /// What an ASID pool is made of.
    pub const fn asid_pool() -> Self {
        Self::Untyped {
            size_bits: sys::seL4_ASIDPoolBits as usize,
        }
    }
}

impl From<ObjectBlueprintArch> for ObjectBlueprint {
    fn from(blueprint: ObjectBlueprintArch) -> Self {
        Self::Arch(blueprint)
    }
}

impl From<ObjectBlueprintSeL4Arch> for ObjectBlueprint {
    fn from(blueprint: ObjectBlueprintSeL4Arch) -> Self {
        Self::Arch(ObjectBlueprintArch::SeL4Arch(blueprint))
    }
}

/// Capability types that stand for objects.
pub trait CapTypeForObject: CapType {
    /// The object's kind.
    fn object_type() -> ObjectType;
}

/// Capability types that stand for objects of one size.
pub trait CapTypeForObjectOfFixedSize: CapTypeForObject {
    /// How the object is made.
    fn object_blueprint() -> ObjectBlueprint;
}

/// Capability types that stand for objects of several sizes.
pub trait CapTypeForObjectOfVariableSize: CapTypeForObject {
    /// How the object is made.
    fn object_blueprint(size_bits: usize) -> ObjectBlueprint;
}

macro_rules! fixed {
    ($($cap:ident => $blueprint:expr;)*) => {
        $(
            impl CapTypeForObject for cap_type::$cap {
                fn object_type() -> ObjectType {
                    $blueprint.ty()
                }
            }
            impl CapTypeForObjectOfFixedSize for cap_type::$cap {
                fn object_blueprint() -> ObjectBlueprint {
                    $blueprint
                }
            }
        )*
    };
}

fixed! {
    Endpoint => ObjectBlueprint::Endpoint;
    Notification => ObjectBlueprint::Notification;
    Tcb => ObjectBlueprint::Tcb;
    VCpu => ObjectBlueprint::Arch(ObjectBlueprintArm::VCpu);
    SmallPage => ObjectBlueprint::Arch(ObjectBlueprintArm::SmallPage);
    LargePage => ObjectBlueprint::Arch(ObjectBlueprintArm::LargePage);
    HugePage => ObjectBlueprint::from(ObjectBlueprintAArch64::HugePage);
    VSpace => ObjectBlueprint::from(ObjectBlueprintAArch64::VSpace);
    PT => ObjectBlueprint::Arch(ObjectBlueprintArm::PT);
}

macro_rules! variable {
    ($($name:ident;)*) => {
        $(
            impl CapTypeForObject for cap_type::$name {
                fn object_type() -> ObjectType {
                    ObjectType::$name
                }
            }
            impl CapTypeForObjectOfVariableSize for cap_type::$name {
                fn object_blueprint(size_bits: usize) -> ObjectBlueprint {
                    ObjectBlueprint::$name { size_bits }
                }
            }
        )*
    };
}

variable! {
    Untyped;
    CNode;
    SchedContext;
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

    /// log2 of its size in bytes.
    pub const fn bits(self) -> usize {
        self.blueprint().physical_size_bits()
    }

    /// Its size in bytes.
    pub const fn bytes(self) -> usize {
        1 << self.bits()
    }

    /// The page of `1 << bits` bytes, if there is one.
    pub const fn from_bits(bits: usize) -> Option<Self> {
        if bits == Self::SmallPage.bits() {
            Some(Self::SmallPage)
        } else if bits == Self::LargePage.bits() {
            Some(Self::LargePage)
        } else if bits == Self::HugePage.bits() {
            Some(Self::HugePage)
        } else {
            None
        }
    }
}

/// Capability types that stand for pages.
pub trait CapTypeForFrameObject: CapType {}

/// Capability types that stand for pages of one size.
pub trait CapTypeForFrameObjectOfFixedSize:
    CapTypeForObjectOfFixedSize + CapTypeForFrameObject
{
    /// The size.
    const FRAME_OBJECT_TYPE: FrameObjectType;
}

impl CapTypeForFrameObject for cap_type::UnspecifiedPage {}

macro_rules! frames {
    ($($name:ident)*) => {
        $(
            impl CapTypeForFrameObject for cap_type::$name {}
            impl CapTypeForFrameObjectOfFixedSize for cap_type::$name {
                const FRAME_OBJECT_TYPE: FrameObjectType = FrameObjectType::$name;
            }
        )*
    };
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
