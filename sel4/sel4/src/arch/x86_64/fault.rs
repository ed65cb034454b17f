// SPDX-License-Identifier: BSD-2-Clause
//! Fault messages as x86_64 fills them.

use crate::{Word, fault::UnknownSyscall};

/// Words of the longest fault message.
pub(crate) const MAX_FAULT_WORDS: usize = 19;

/// Gives the macro `$define` all faults: those of every architecture and those of this one.
macro_rules! with_arch_faults {
    ($define:ident; $($common:tt)*) => {
        $define! {
            $($common)*
            /// A system call that there is not.
            UnknownSyscall, UNKNOWN_SYSCALL, 19;
        }
    };
}
pub(crate) use with_arch_faults;

impl UnknownSyscall {
    /// Where the instruction is.
    pub fn fault_ip(&self) -> Word {
        self.0[15]
    }

    /// The stack pointer.
    pub fn sp(&self) -> Word {
        self.0[16]
    }

    /// The number of the call.
    pub fn syscall(&self) -> Word {
        self.0[18]
    }
}
