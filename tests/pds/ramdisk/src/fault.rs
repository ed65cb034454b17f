// SPDX-License-Identifier: BSD-2-Clause
//! What the images for tests do wrong; nothing in an ordinary one.
#![allow(
    clippy::missing_const_for_fn,
    unused_variables,
    reason = "each function does something in one image only"
)]

use core::hint::black_box;
use core::sync::atomic::{AtomicU64, Ordering};

use molt_queue::layout;

/// The version that it says it is.
pub const VERSION: u64 = if cfg!(feature = "v2") { 2 } else { 1 };

/// Called first of all.
pub fn at_start() {
    // The compiler must not know, or nothing of the driver is left for the tool to patch.
    if black_box(cfg!(feature = "fault-at-start")) {
        panic!("this image faults at its start");
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

/// Does it complete requests?
pub fn completes() -> bool {
    !cfg!(feature = "idle")
}

/// Called with the first request in hand.
pub fn taken() {
    while black_box(cfg!(feature = "spin")) {
        core::hint::spin_loop();
    }
}

/// Called after completions to this client, before it is told.
pub fn completed(queue: &[AtomicU64], completions: u64) {
    if cfg!(feature = "forbidden-index")
        && let Some(word) = queue.get(layout::COMPLETED)
    {
        word.fetch_add(1000, Ordering::Release);
    }
    if black_box(cfg!(feature = "fault-late")) && completions > 20 {
        panic!("this image faults in probation");
    }
}
