// SPDX-License-Identifier: BSD-2-Clause
//! Fault messages that AArch64 has, and how it fills the others.

pub use crate::fault::{UnknownSyscall, VCpuFault, VGicMaintenance, VPpiEvent};

use crate::Word;

/// Words of the longest fault message.
pub(crate) const MAX_FAULT_WORDS: usize = 13;

/// Gives the macro `$define` all faults: those of every architecture and those of this one.
macro_rules! with_arch_faults {
    ($define:ident; $($common:tt)*) => {
        $define! {
            $($common)*
            /// A system call that there is not.
            UnknownSyscall, UNKNOWN_SYSCALL, 13;
            /// A list register was emptied, or cannot be.
            VGicMaintenance, VGIC_MAINTENANCE, 1;
            /// A trap of a guest, or of a system register.
            VCpuFault, VCPU, 1;
            /// A private interrupt of a guest.
            VPpiEvent, VPPI_EVENT, 1;
        }
    };
}
pub(crate) use with_arch_faults;

impl UnknownSyscall {
    /// Where the instruction is.
    pub fn fault_ip(&self) -> Word {
        self.0[8]
    }

    /// The stack pointer.
    pub fn sp(&self) -> Word {
        self.0[9]
    }

    /// The link register.
    pub fn lr(&self) -> Word {
        self.0[10]
    }

    /// The processor state.
    pub fn spsr(&self) -> Word {
        self.0[11]
    }

    /// The number of the call.
    pub fn syscall(&self) -> Word {
        self.0[12]
    }

    /// Register `x<ix>`.
    ///
    /// # Panics
    /// If `ix` is above 7.
    pub fn gpr(&self, ix: usize) -> Word {
        assert!(ix < 8);
        self.0[ix]
    }
}

impl VGicMaintenance {
    /// The list register; `None` if none is meant.
    pub fn idx(&self) -> Option<Word> {
        (self.0[0] != Word::MAX).then_some(self.0[0])
    }
}

impl VCpuFault {
    /// The syndrome (`ESR_EL2`).
    pub fn hsr(&self) -> Word {
        self.0[0]
    }
}

impl VPpiEvent {
    /// The interrupt's number.
    pub fn irq(&self) -> Word {
        self.0[0]
    }
}
