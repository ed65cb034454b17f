// SPDX-License-Identifier: BSD-2-Clause
//! A thread's registers.

use crate::{
    Word,
    sys::{USER_CONTEXT_WORDS, seL4_UserContext},
};

/// A thread's registers (`seL4_UserContext`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserContext(seL4_UserContext);

impl UserContext {
    /// As the kernel lays it out.
    pub const fn inner(&self) -> &seL4_UserContext {
        &self.0
    }

    /// As the kernel lays it out.
    pub fn inner_mut(&mut self) -> &mut seL4_UserContext {
        &mut self.0
    }

    pub(crate) fn to_words(&self) -> [Word; USER_CONTEXT_WORDS] {
        // SAFETY: the structure is `repr(C)` and made of so many words, nothing else.
        unsafe { *(&raw const self.0).cast() }
    }

    pub(crate) fn from_words(words: &[Word; USER_CONTEXT_WORDS]) -> Self {
        let mut context = Self::default();
        // SAFETY: as in `to_words`; any words make a valid context.
        unsafe { *(&raw mut context.0).cast() = *words };
        context
    }

    /// The program counter.
    pub fn pc(&self) -> &Word {
        &self.0.rip
    }

    /// The program counter.
    pub fn pc_mut(&mut self) -> &mut Word {
        &mut self.0.rip
    }

    /// The stack pointer.
    pub fn sp(&self) -> &Word {
        &self.0.rsp
    }

    /// The stack pointer.
    pub fn sp_mut(&mut self) -> &mut Word {
        &mut self.0.rsp
    }

    /// The register of a function's parameter `ix`.
    ///
    /// # Panics
    /// If `ix` is above 5.
    pub fn c_param_mut(&mut self, ix: usize) -> &mut Word {
        let context = &mut self.0;
        match ix {
            0 => &mut context.rdi,
            1 => &mut context.rsi,
            2 => &mut context.rdx,
            3 => &mut context.rcx,
            4 => &mut context.r8,
            5 => &mut context.r9,
            _ => panic!("parameter {ix} is not in a register"),
        }
    }
}
