// SPDX-License-Identifier: BSD-2-Clause
//! How a page is mapped.

use core::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, Not};

use crate::Word;

/// Attributes of a mapping (`seL4_ARM_VMAttributes`, `seL4_X86_VMAttributes`). The architecture names them.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub struct VmAttributes(Word);

impl VmAttributes {
    /// The attributes with the kernel's bits.
    pub const fn from_inner(inner: Word) -> Self {
        Self(inner)
    }

    /// The kernel's bits.
    pub const fn into_inner(self) -> Word {
        self.0
    }

    /// Whether any of `rhs` is set.
    pub const fn has(self, rhs: Self) -> bool {
        self.0 & rhs.0 != 0
    }
}

impl Default for VmAttributes {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Not for VmAttributes {
    type Output = Self;
    fn not(self) -> Self {
        Self(!self.0)
    }
}

impl BitOr for VmAttributes {
    type Output = Self;
    fn bitor(self, rhs: Self) -> Self {
        Self(self.0 | rhs.0)
    }
}

impl BitOrAssign for VmAttributes {
    fn bitor_assign(&mut self, rhs: Self) {
        self.0 |= rhs.0;
    }
}

impl BitAnd for VmAttributes {
    type Output = Self;
    fn bitand(self, rhs: Self) -> Self {
        Self(self.0 & rhs.0)
    }
}

impl BitAndAssign for VmAttributes {
    fn bitand_assign(&mut self, rhs: Self) {
        self.0 &= rhs.0;
    }
}
