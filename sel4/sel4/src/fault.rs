// SPDX-License-Identifier: BSD-2-Clause
//! Fault messages.

use crate::arch::{MAX_FAULT_WORDS, with_arch_faults};
use crate::{IpcBuffer, MessageInfo, Word, sys::fault as ty};

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident, $label:ident, $words:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq)]
            pub struct $name(pub(crate) [Word; $words]);

        )*

        /// Why a thread stopped (`seL4_Fault`).
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Fault {
            $($(#[$doc])* $name($name),)*
        }

        impl Fault {
            /// The fault with the type `label`, whose message is `words`.
            fn decode(label: Word, words: &[Word; MAX_FAULT_WORDS]) -> Option<Self> {
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

with_arch_faults! {
    faults;
    /// No fault.
    NullFault, NULL, 0;
    /// A capability could not be looked up for a receive or a call.
    CapFault, CAP, 7;
    /// An exception that is no fault of memory.
    UserException, USER_EXCEPTION, 5;
    /// A debug exception.
    DebugException, DEBUG_EXCEPTION, 4;
    /// The budget is used up.
    Timeout, TIMEOUT, 2;
    /// Memory that is not there or not permitted.
    VmFault, VM, 4;
}

impl Fault {
    /// The fault in a message with tag `info` that was received into `ipc_buffer`.
    ///
    /// # Panics
    /// If the kernel has no such fault.
    pub fn new(ipc_buffer: &IpcBuffer, info: &MessageInfo) -> Self {
        let mut words = [0; MAX_FAULT_WORDS];
        words.copy_from_slice(&ipc_buffer.msg_regs()[..MAX_FAULT_WORDS]);
        match Self::decode(info.label(), &words) {
            Some(fault) => fault,
            None => panic!("not a fault: {}", info.label()),
        }
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

    /// The architecture's word on it: `ESR_EL2`, or x86's page fault error code.
    pub fn fsr(&self) -> Word {
        self.0[3]
    }
}
