// SPDX-License-Identifier: BSD-2-Clause
//! The counter's frequency, where a program has to be told it.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::Frequency;

static HZ: AtomicU64 = AtomicU64::new(0);

/// Tells this program the frequency; whoever reads its brief does.
pub fn tell(frequency: Frequency) {
    HZ.store(frequency.hz(), Ordering::Relaxed);
}

/// What was told.
#[cfg_attr(not(all(target_arch = "x86_64", target_os = "none")), allow(dead_code))]
pub(crate) fn frequency() -> Option<Frequency> {
    Frequency::new(HZ.load(Ordering::Relaxed))
}
