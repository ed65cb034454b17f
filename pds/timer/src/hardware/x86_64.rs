// SPDX-License-Identifier: BSD-2-Clause
//! The timer of a PC: an HPET. (The PIT's and the local APIC's timers are the kernel's.)

use molt_clock::{Frequency, Ticks};
use molt_hpet::Hpet;
use molt_shared::Registers;
use molt_system::TimerBrief;

/// What raises the interrupt.
pub struct Hardware {
    hpet: Hpet<Registers>,
    clock: Frequency,
}

impl Hardware {
    /// The HPET of the brief. It is stopped.
    pub fn start(brief: &TimerBrief) -> Self {
        assert!(brief.device != 0, "no HPET is mapped");
        let registers = molt_brief::registers(brief.device, molt_hpet::REGISTERS as u64);
        match Hpet::start(registers, brief.line) {
            Ok(hpet) => Self {
                hpet,
                clock: Frequency::of_this_machine(),
            },
            Err(error) => panic!("HPET: {error:x?}"),
        }
    }

    /// Raises the interrupt at this time, which may have come; it may raise it early.
    pub fn set(&self, at: Ticks) {
        self.hpet.acknowledge();
        self.hpet.set(self.clock.ns(at.since(molt_clock::now())));
    }

    /// No interrupt any more.
    pub fn stop(&self) {
        self.hpet.stop();
    }
}
