// SPDX-License-Identifier: BSD-2-Clause
//! The faults of images for tests, selected by features. An ordinary image has none.

use core::cell::Cell;
use core::hint::black_box;
use core::sync::atomic::AtomicU64;

use molt_generation::Fault;
use molt_service::Progress;
use molt_shared::Memory;

/// How often a generation looks for work before one that faults late does, at the start, or at a heartbeat.
const LATE: u32 = 1;

/// What this image does wrong.
#[derive(Debug, Default)]
pub struct Faults {
    looked: Cell<u32>,
}

impl Fault for Faults {
    fn says_ready(&self) -> bool {
        !cfg!(feature = "never-ready")
    }

    fn pumped(&self, _progress: &Progress, _orders: &[AtomicU64]) {
        self.looked.set(self.looked.get() + 1);
        // The compiler must not see that this is constant: it would remove what follows, with the symbols that the tool sets.
        if black_box(cfg!(feature = "fault-late")) && self.looked.get() > LATE {
            panic!("this image faults in probation");
        }
    }
}

/// Copies a part of the content, and faults.
pub fn in_copy(memory: &Memory, image: &[u8]) {
    if black_box(cfg!(feature = "fault-in-copy")) {
        let (part, _) = image.split_at(image.len() / 2);
        let copied = memory.write(0, part);
        panic!("this image faults while it copies: {copied:?}");
    }
}
