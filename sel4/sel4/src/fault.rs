// SPDX-License-Identifier: BSD-2-Clause
//! Fault messages.

use crate::{IpcBuffer, MessageInfo, Word, sys::fault as ty};

/// Words of the longest fault message.
const MAX_WORDS: usize = 13;

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident, $label:ident, $words:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq)]
            pub struct $name([Word; $words]);

        )*

        /// Why a thread stopped (`seL4_Fault`).
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Fault {
            $($(#[$doc])* $name($name),)*
        }

        impl Fault {
            /// The fault with the type `label`, whose message is `words`.
            fn decode(label: Word, words: &[Word; MAX_WORDS]) -> Option<Self> {
                match label {
                    $(ty::$label => {
                        let mut own = [0; $words];
                        own.copy_from_slice(&words[..$words]);
                        Some(Self::$name($name(own)))
                    })*
                    _ => None,
                }
            }
        }
    };
}

faults! {
    /// No fault.
    NullFault, NULL, 0;
    /// A capability could not be looked up for a receive or a call.
    CapFault, CAP, 7;
    /// A system call that there is not.
    UnknownSyscall, UNKNOWN_SYSCALL, 13;
    /// An exception that is no fault of memory.
    UserException, USER_EXCEPTION, 5;
    /// A debug exception.
    DebugException, DEBUG_EXCEPTION, 4;
    /// The budget is used up.
    Timeout, TIMEOUT, 2;
    /// Memory that is not there or not permitted.
    VmFault, VM, 4;
    /// A list register was emptied, or cannot be.
    VGicMaintenance, VGIC_MAINTENANCE, 1;
    /// A trap of a guest, or of a system register.
    VCpuFault, VCPU, 1;
    /// A private interrupt of a guest.
    VPpiEvent, VPPI_EVENT, 1;
}

impl Fault {
    /// The fault in a message with tag `info` that was received into `ipc_buffer`.
    ///
    /// # Panics
    /// If the kernel has no such fault.
    pub fn new(ipc_buffer: &IpcBuffer, info: &MessageInfo) -> Self {
        let mut words = [0; MAX_WORDS];
        words.copy_from_slice(&ipc_buffer.msg_regs()[..MAX_WORDS]);
        match Self::decode(info.label(), &words) {
            Some(fault) => fault,
            None => panic!("not a fault: {}", info.label()),
        }
    }
}

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

impl VmFault {
    /// Where the instruction is.
    pub fn ip(&self) -> Word {
        self.0[0]
    }

    /// The address of the access: virtual, or guest-physical for a vCPU.
    pub fn addr(&self) -> Word {
        self.0[1]
    }

    /// Whether it was an instruction fetch.
    pub fn is_prefetch(&self) -> bool {
        self.0[2] != 0
    }

    /// The syndrome (`ESR_EL2`).
    pub fn fsr(&self) -> Word {
        self.0[3]
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
