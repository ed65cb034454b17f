// SPDX-License-Identifier: BSD-2-Clause
//! Kinds and sizes of kernel objects.

use crate::{
    CapType, FrameObjectType, ObjectBlueprintArch, ObjectBlueprintSeL4Arch, ObjectTypeArch,
    cap_type, sys, sys::object_type as number,
};

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
            Self::Arch(arch) => arch.into_sys(),
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
            Self::Arch(arch) => ObjectType::Arch(arch.ty()),
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
            Self::Arch(arch) => arch.physical_size_bits(),
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

/// Objects of one size, by their capability's type.
macro_rules! fixed {
    ($($cap:ident => $blueprint:expr;)*) => {
        $(
            impl $crate::CapTypeForObject for $crate::cap_type::$cap {
                fn object_type() -> $crate::ObjectType {
                    $blueprint.ty()
                }
            }
            impl $crate::CapTypeForObjectOfFixedSize for $crate::cap_type::$cap {
                fn object_blueprint() -> $crate::ObjectBlueprint {
                    $blueprint
                }
            }
        )*
    };
}

pub(crate) use fixed;

fixed! {
    Endpoint => ObjectBlueprint::Endpoint;
    Notification => ObjectBlueprint::Notification;
    Tcb => ObjectBlueprint::Tcb;
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

impl FrameObjectType {
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
        if bits == Self::GRANULE.bits() {
            Some(Self::GRANULE)
        } else if bits == Self::LargePage.bits() {
            Some(Self::LargePage)
        } else if bits == Self::HugePage.bits() {
            Some(Self::HugePage)
        } else {
            None
        }
    }
}

/// Pages, by their capability's type, whose name the size has as well.
macro_rules! frames {
    ($($name:ident)*) => {
        $(
            impl $crate::CapTypeForFrameObject for $crate::cap_type::$name {}
            impl $crate::CapTypeForFrameObjectOfFixedSize for $crate::cap_type::$name {
                const FRAME_OBJECT_TYPE: $crate::FrameObjectType = $crate::FrameObjectType::$name;
            }
        )*
    };
}
pub(crate) use frames;
