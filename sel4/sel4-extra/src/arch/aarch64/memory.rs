// SPDX-License-Identifier: BSD-2-Clause
//! Address spaces and mappings, for programs that do not care for the architecture.

use sel4::{
    ObjectBlueprint, ObjectBlueprintAArch64, ObjectBlueprintArm, TranslationTableObjectType,
    VmAttributes,
};

/// How an address space is made.
pub const VSPACE: ObjectBlueprint =
    ObjectBlueprint::Arch(ObjectBlueprintArm::SeL4Arch(ObjectBlueprintAArch64::VSpace));

/// The translation tables below the first one, upper ones first: log2 of the bytes that one translates, and its kind.
pub const TABLES: [(u32, TranslationTableObjectType); 2] = [
    (30, TranslationTableObjectType::PT),
    (21, TranslationTableObjectType::PT),
];

/// Memory: cached, and executable where it is said so.
pub const fn normal(execute: bool) -> VmAttributes {
    let more = if execute {
        0
    } else {
        VmAttributes::EXECUTE_NEVER.into_inner()
    };
    VmAttributes::from_inner(VmAttributes::DEFAULT.into_inner() | more)
}

/// A device's registers: neither cached nor executable.
pub const fn device() -> VmAttributes {
    VmAttributes::EXECUTE_NEVER
}
