// SPDX-License-Identifier: BSD-2-Clause
//! A standard SD host controller (SD Host Controller Simplified Specification 3.00): software reset for all (2.2.16), which
//! ends any DMA. The reset is complete when its bit reads as 0.

use molt_shared::Mmio;

use super::READS;

/// Clock control, time-out control and software reset in one word; bit 24 is the software reset for all.
const RESET: usize = 0x2c;
const RESET_ALL: u32 = 1 << 24;

pub fn stop(registers: &impl Mmio) {
    // The card's clock stops with it.
    registers.write(RESET, RESET_ALL);
}

pub fn stopped(registers: &impl Mmio) -> bool {
    (0..READS).any(|_| registers.read(RESET) & RESET_ALL == 0)
}
