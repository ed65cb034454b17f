// SPDX-License-Identifier: BSD-2-Clause
//! The registers of the Generic Timer that EL0 may use (Arm ARM D12.1, D24.10).

use core::arch::asm;

use crate::{Frequency, Ticks};

/// CNTPCT_EL0 now. The `isb` keeps the read from being made earlier (D12.1.2: the counter may be read
/// speculatively).
pub fn now() -> Ticks {
    let value: u64;
    // SAFETY: reads a counter; no memory is touched.
    unsafe {
        asm!("isb", "mrs {}, cntpct_el0", out(reg) value, options(nostack, preserves_flags));
    }
    Ticks(value)
}

/// Marks the beginning of a measurement for QEMU's plugin (`tools/qemu-plugin`), with an instruction that does nothing:
/// processors execute an unallocated hint as NOP (Arm ARM, "HINT").
pub fn mark_begin() {
    // SAFETY: it does nothing.
    unsafe { asm!("hint #112", options(nomem, nostack, preserves_flags)) };
}

/// Marks the end of a measurement.
pub fn mark_end() {
    // SAFETY: as above.
    unsafe { asm!("hint #113", options(nomem, nostack, preserves_flags)) };
}

/// CNTFRQ_EL0; QEMU's virt if it is 0.
pub(crate) fn frequency() -> Frequency {
    Frequency::new(cntfrq().into()).unwrap_or(Frequency::QEMU_VIRT)
}

fn cntfrq() -> u32 {
    let value: u64;
    // SAFETY: reads a constant register; no memory is touched.
    unsafe { asm!("mrs {}, cntfrq_el0", out(reg) value, options(nomem, nostack, preserves_flags)) };
    value as u32
}

/// The EL1 physical timer, whose interrupt is PPI 30 on QEMU's virt. Only the PD that holds this
/// interrupt touches it: there is one for all.
pub mod timer {
    use core::arch::asm;

    use crate::Ticks;

    /// Raises the interrupt from the moment on that the counter reaches `at` (level-triggered:
    /// as long as the condition holds).
    pub fn set(at: Ticks) {
        // SAFETY: programs the timer; no memory is touched. CTL: ENABLE = 1, IMASK = 0 (D24.10.15).
        unsafe {
            asm!("msr cntp_cval_el0, {}", "msr cntp_ctl_el0, {}", "isb",
                in(reg) at.0, in(reg) 1u64, options(nostack, preserves_flags));
        }
    }

    /// No interrupt any more.
    pub fn stop() {
        // SAFETY: as above; ENABLE = 0.
        unsafe {
            asm!("msr cntp_ctl_el0, {}", "isb", in(reg) 0u64, options(nostack, preserves_flags))
        };
    }
}
