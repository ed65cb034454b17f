// SPDX-License-Identifier: BSD-2-Clause
//! The attributes of a mapping that x86 has (`seL4_X86_VMAttributes`). There is none against instruction fetches: the kernel maps
//! every page executable.

use crate::VmAttributes;

impl VmAttributes {
    /// Write-back.
    pub const NONE: Self = Self::from_inner(0);
    /// Write-back.
    pub const DEFAULT: Self = Self::from_inner(0);
    /// Not cached: device memory.
    pub const CACHE_DISABLED: Self = Self::from_inner(2);
}
