// SPDX-License-Identifier: BSD-2-Clause
//! A thread's registers.

use crate::{
    Word,
    sys::{USER_CONTEXT_WORDS, seL4_UserContext},
};

/// A thread's registers (`seL4_UserContext`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserContext(seL4_UserContext);

/// The indices of x0 to x30 in the context.
const GPR: [usize; 31] = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 17, 18, 19, 20, 21, 22, 23, 12, 13, 14, 24, 25, 26, 27, 28, 29,
    30, 31, 32, 33, 15, 16,
];

const _: () = {
    use core::mem::offset_of;
    assert!(offset_of!(seL4_UserContext, x8) == GPR[8] * 8);
    assert!(offset_of!(seL4_UserContext, x9) == GPR[9] * 8);
    assert!(offset_of!(seL4_UserContext, x15) == GPR[15] * 8);
    assert!(offset_of!(seL4_UserContext, x16) == GPR[16] * 8);
    assert!(offset_of!(seL4_UserContext, x19) == GPR[19] * 8);
    assert!(offset_of!(seL4_UserContext, x28) == GPR[28] * 8);
    assert!(offset_of!(seL4_UserContext, x29) == GPR[29] * 8);
    assert!(offset_of!(seL4_UserContext, x30) == GPR[30] * 8);
};

impl UserContext {
    /// As the kernel lays it out.
    pub const fn inner(&self) -> &seL4_UserContext {
        &self.0
    }

    /// As the kernel lays it out.
    pub fn inner_mut(&mut self) -> &mut seL4_UserContext {
        &mut self.0
    }

    fn words(&self) -> &[Word; USER_CONTEXT_WORDS] {
        // SAFETY: the structure is `repr(C)` and made of so many words, nothing else.
        unsafe { &*(&raw const self.0).cast() }
    }

    fn words_mut(&mut self) -> &mut [Word; USER_CONTEXT_WORDS] {
        // SAFETY: as in `words`; any words make a valid context.
        unsafe { &mut *(&raw mut self.0).cast() }
    }

    pub(crate) fn to_words(&self) -> [Word; USER_CONTEXT_WORDS] {
        *self.words()
    }

    pub(crate) fn from_words(words: &[Word; USER_CONTEXT_WORDS]) -> Self {
        let mut context = Self::default();
        *context.words_mut() = *words;
        context
    }

    /// The program counter.
    pub fn pc(&self) -> &Word {
        &self.0.pc
    }

    /// The program counter.
    pub fn pc_mut(&mut self) -> &mut Word {
        &mut self.0.pc
    }

    /// The stack pointer.
    pub fn sp(&self) -> &Word {
        &self.0.sp
    }

    /// The stack pointer.
    pub fn sp_mut(&mut self) -> &mut Word {
        &mut self.0.sp
    }

    /// The processor state. The kernel restricts it to values that a thread may have.
    pub fn spsr(&self) -> &Word {
        &self.0.spsr
    }

    /// The processor state.
    pub fn spsr_mut(&mut self) -> &mut Word {
        &mut self.0.spsr
    }

    /// Register `x<ix>`.
    ///
    /// # Panics
    /// If `ix` is above 30.
    pub fn gpr(&self, ix: usize) -> &Word {
        &self.words()[GPR[ix]]
    }

    /// Register `x<ix>`.
    ///
    /// # Panics
    /// If `ix` is above 30.
    pub fn gpr_mut(&mut self, ix: usize) -> &mut Word {
        &mut self.words_mut()[GPR[ix]]
    }

    /// The register of a function's parameter `ix`.
    ///
    /// # Panics
    /// If `ix` is above 7.
    pub fn c_param(&self, ix: usize) -> &Word {
        assert!(ix < 8);
        self.gpr(ix)
    }

    /// The register of a function's parameter `ix`.
    ///
    /// # Panics
    /// If `ix` is above 7.
    pub fn c_param_mut(&mut self, ix: usize) -> &mut Word {
        assert!(ix < 8);
        self.gpr_mut(ix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_register_has_a_word_of_its_own() {
        let mut context = UserContext::default();
        for ix in 0..31 {
            *context.gpr_mut(ix) = 100 + ix as Word;
        }
        assert_eq!(context.inner().x18, 118);
        assert_eq!(context.inner().x28, 128);
        assert_eq!((context.inner().pc, context.inner().tpidr_el0), (0, 0));
        for ix in 0..31 {
            assert_eq!(*context.gpr(ix), 100 + ix as Word);
        }
    }
}
