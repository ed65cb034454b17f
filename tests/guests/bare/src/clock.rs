// SPDX-License-Identifier: BSD-2-Clause
//! Watches whether the virtual counter falls behind the physical one, as it does where a hypervisor hides that the guest stood
//! still (Arm ARM D11.1.2: CNTVCT is CNTPCT less an offset).

use core::arch::asm;

/// What is known of the offset.
pub struct Clock {
    /// It is not larger.
    most: i64,
    moves: u64,
}

impl Clock {
    /// Begins with the offset as it is.
    pub fn new() -> Self {
        Self {
            most: offset().1,
            moves: 0,
        }
    }

    /// Looks whether it has grown.
    pub fn look(&mut self) {
        let (least, most) = offset();
        if least > self.most {
            self.moves += 1;
            self.most = most;
        }
        self.most = self.most.min(most);
    }

    /// How often it has grown between two looks.
    pub fn moves(&self) -> u64 {
        self.moves
    }
}

/// The offset is between these two, however long the guest is interrupted between the instructions.
fn offset() -> (i64, i64) {
    let (before, own, after): (i64, i64, i64);
    // SAFETY: reads counters.
    unsafe {
        asm!(
            "isb", "mrs {}, cntpct_el0", "isb", "mrs {}, cntvct_el0", "isb", "mrs {}, cntpct_el0",
            out(reg) before, out(reg) own, out(reg) after, options(nomem, nostack)
        );
    }
    (before.wrapping_sub(own), after.wrapping_sub(own))
}
