// SPDX-License-Identifier: BSD-2-Clause
//! The attributes of a mapping that Arm has (`seL4_ARM_VMAttributes`).

use crate::VmAttributes;

impl VmAttributes {
    /// Device memory (nGnRnE), executable.
    pub const NONE: Self = Self::from_inner(0);
    /// Cacheable, parity enabled, executable.
    pub const DEFAULT: Self = Self::from_inner(3);
    /// Normal memory, write-back.
    pub const PAGE_CACHEABLE: Self = Self::from_inner(1);
    /// No meaning on AArch64.
    pub const PARITY_ENABLED: Self = Self::from_inner(2);
    /// No instruction fetch.
    pub const EXECUTE_NEVER: Self = Self::from_inner(4);
}
