// SPDX-License-Identifier: BSD-2-Clause
//! The timer of a PC: an HPET. (The PIT's and the local APIC's timers are the kernel's.)

use molt_clock::{Frequency, Ticks};
use molt_hpet::Hpet;
use molt_shared::Registers;
use molt_system::TimerBrief;

/// Longest time without an interrupt on a processor without TSC-Deadline Mode, in nanoseconds.
///
/// There the kernel sets the local APIC's timer by a whole number: how often the time stamp counter counts for each tick of that
/// timer. If it counts no faster, as in QEMU by the count of instructions, the number is 0. The kernel then takes the timer for
/// one in TSC-Deadline Mode, and it never interrupts: no budget ends, and none is replenished, before some other
/// interrupt or a system call lets the kernel look at its clock.
const TICK_NS: u64 = 1_000_000;

/// What raises the interrupt.
pub struct Hardware {
    hpet: Hpet<Registers>,
    clock: Frequency,
    /// Whether it raises the interrupt each [`TICK_NS`].
    ticks: bool,
}

impl Hardware {
    /// The HPET of the brief, without an alarm.
    pub fn start(brief: &TimerBrief) -> Self {
        assert!(brief.device != 0, "no HPET is mapped");
        let registers = molt_brief::registers(brief.device, molt_hpet::REGISTERS as u64);
        let hpet = match Hpet::start(registers, brief.line) {
            Ok(hpet) => hpet,
            Err(error) => panic!("HPET: {error:x?}"),
        };
        let this = Self {
            hpet,
            clock: Frequency::of_this_machine(),
            ticks: !molt_clock::has_deadline_mode(),
        };
        this.stop();
        this
    }

    /// Raises the interrupt at this time, which may have come; it may raise it early.
    pub fn set(&self, at: Ticks) {
        let away = self.clock.ns(at.since(molt_clock::now()));
        self.hpet.acknowledge();
        self.hpet
            .set(if self.ticks { away.min(TICK_NS) } else { away });
    }

    /// No alarm any more.
    pub fn stop(&self) {
        self.hpet.stop();
        if self.ticks {
            self.hpet.set(TICK_NS);
        }
    }
}
