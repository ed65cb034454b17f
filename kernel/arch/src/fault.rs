// SPDX-License-Identifier: BSD-2-Clause
//! Decodes the exception syndrome into an event for the core (Arm ARM D24.2.42, ESR_ELx).

use molt_kernel_core::Event;

use crate::registers::read_register;
use crate::spaces;

/// Exception classes.
const UNKNOWN: u64 = 0x00;
const SVC64: u64 = 0x15;
const HVC64: u64 = 0x16;
const INSTRUCTION_ABORT: u64 = 0x20;
const DATA_ABORT: u64 = 0x24;

/// The event of a synchronous exception of a thread. `vcpu`: a vCPU was loaded.
pub fn decode(vcpu: bool) -> Event {
    let esr = read_register!("esr_el2");
    match esr >> 26 & 0x3f {
        SVC64 | HVC64 => Event::Syscall,
        class @ (INSTRUCTION_ABORT | DATA_ABORT) => Event::VmFault {
            address: if vcpu {
                spaces::fault_address(esr)
            } else {
                read_register!("far_el2")
            },
            fsr: esr,
            prefetch: class == INSTRUCTION_ABORT,
        },
        UNKNOWN if !vcpu => Event::UserException {
            number: esr,
            code: 0,
        },
        _ => Event::VcpuFault { hsr: esr },
    }
}
