// SPDX-License-Identifier: BSD-2-Clause
//! The kernel's clock: the physical counter and the hypervisor's timer (CNTHP, PPI 26).

use crate::registers::{instruction, read_register, write_register};

/// The timer; times are in ticks of the counter.
pub struct Timer {
    ticks_per_ms: u64,
}

impl Timer {
    /// Starts the timer, with no deadline.
    pub fn new() -> Self {
        let timer = Self {
            ticks_per_ms: (read_register!("cntfrq_el0") / 1000).max(1),
        };
        timer.set(u64::MAX);
        // SAFETY: the hypervisor's timer is the kernel's. ENABLE, not IMASK. EL1 and EL0 may read
        // the physical counter and use the EL1 physical timer (CNTHCTL_EL2.EL1PCTEN, EL1PCEN).
        unsafe {
            write_register!("cnthp_ctl_el2", 1);
            write_register!("cnthctl_el2", 3);
        }
        timer
    }

    /// Ticks now.
    pub fn now(&self) -> u64 {
        instruction!("isb");
        read_register!("cntpct_el0")
    }

    /// The interrupt comes at this time.
    pub fn set(&self, ticks: u64) {
        // SAFETY: the hypervisor's timer is the kernel's.
        unsafe { write_register!("cnthp_cval_el2", ticks) };
        instruction!("isb");
    }

    /// Microseconds to ticks, rounded down; the largest time where that is exceeded.
    pub fn ticks(&self, us: u64) -> u64 {
        match us.checked_mul(self.ticks_per_ms) {
            Some(product) => product / 1000,
            None => (us / 1000).saturating_mul(self.ticks_per_ms),
        }
    }

    /// Ticks to microseconds, rounded down.
    pub fn microseconds(&self, ticks: u64) -> u64 {
        match ticks.checked_mul(1000) {
            Some(product) => product / self.ticks_per_ms,
            None => (ticks / self.ticks_per_ms).saturating_mul(1000),
        }
    }
}
