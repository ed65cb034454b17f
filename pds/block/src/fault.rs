// SPDX-License-Identifier: BSD-2-Clause
//! What the images for tests do wrong; nothing in an ordinary one.
#![allow(
    clippy::missing_const_for_fn,
    unused_variables,
    reason = "each function does something in one image only"
)]

use core::sync::atomic::{AtomicU64, Ordering};

use molt_block::Progress;
use molt_block_queue::{Request, layout};
use molt_clock::Frequency;

/// How long a slow start takes, in ns.
const SLOW_NS: u64 = 1_000_000_000;

/// How often an image that wears out tells a client of completions.
const LIFE: u64 = 1_000;
static TOLD: AtomicU64 = AtomicU64::new(0);

/// Called first of all.
pub fn at_start() {
    // The compiler must not know, or nothing of the driver is left for the tool to patch.
    if core::hint::black_box(cfg!(feature = "fault-at-start")) {
        panic!("this image faults at its start");
    }
}

/// Called when it is about to say that it is ready.
pub fn before_ready() {
    if cfg!(feature = "slow-start") {
        let end = Frequency::of_this_machine().ticks(SLOW_NS);
        let end = molt_clock::now().saturating_add(end);
        while molt_clock::now() < end {
            core::hint::spin_loop();
        }
    }
}

/// Does it say that it is ready?
pub fn says_ready() -> bool {
    !cfg!(feature = "never-ready")
}

/// Does it follow the order to quiesce?
pub fn obeys() -> bool {
    !cfg!(feature = "never-quiesced")
}

/// Called after requests were given to the device.
pub fn pumped(progress: &Progress) {
    if cfg!(feature = "spin") && progress.submitted > 0 {
        loop {
            core::hint::spin_loop();
        }
    }
}

/// Called after completions to this client, before it is told.
pub fn completed(queue: &[AtomicU64], generation: u64) {
    let add = |word: usize, value: u64| {
        if let Some(word) = queue.get(word) {
            word.fetch_add(value, Ordering::Release);
        }
    };
    if core::hint::black_box(cfg!(feature = "wears-out"))
        && (generation > 0 || TOLD.fetch_add(1, Ordering::Relaxed) > LIFE)
    {
        panic!("this image is worn out");
    }
    if cfg!(feature = "forbidden-index") {
        add(layout::COMPLETED, 1000);
    }
    if cfg!(feature = "forbidden-id") {
        let index = queue
            .get(layout::COMPLETED)
            .map_or(0, |word| word.load(Ordering::Relaxed));
        let newest = layout::completion(index.wrapping_sub(1));
        if let Some(word) = queue.get(newest) {
            word.store(layout::completed(200, generation), Ordering::Relaxed);
        }
    }
    if cfg!(feature = "forbidden-slot") {
        for slot in 0..layout::SLOTS as u8 {
            add(layout::slot::<Request>(slot) + 1, 1);
        }
    }
}
