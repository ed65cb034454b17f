// SPDX-License-Identifier: BSD-2-Clause
//! The faults of images for tests, selected by features. An ordinary image has none.
#![allow(
    clippy::missing_const_for_fn,
    unused_variables,
    reason = "each function does something in one image only"
)]

use core::hint::black_box;
use core::sync::atomic::{AtomicU64, Ordering};

use molt_block_queue::layout;
use molt_shared::Registers;
use sel4_microkit::Channel;

/// The version that it reports.
pub const VERSION: u64 = if cfg!(feature = "v2") { 2 } else { 1 };

/// The number of generations that end at an interrupt, and the completions before each end.
const DEATHS: u64 = 1000;
const LIFE: u64 = 4;

/// Called first of all.
pub fn at_start() {
    // The compiler must not see that this is constant: it would remove the whole driver, with the symbols that the tool sets.
    if black_box(cfg!(feature = "fault-at-start")) {
        panic!("this image faults at its start");
    }
}

/// Whether it reports that it is ready; `signalled`: its client has signalled it.
pub fn says_ready(signalled: bool) -> bool {
    !cfg!(feature = "never-ready") && (signalled || !cfg!(feature = "waits-for-signal"))
}

/// Does it follow the order to quiesce?
pub fn obeys() -> bool {
    !cfg!(feature = "never-quiesced")
}

/// Does it complete requests?
pub fn completes() -> bool {
    !cfg!(feature = "idle")
}

/// Called with the first request.
pub fn taken() {
    while black_box(cfg!(feature = "spin")) {
        core::hint::spin_loop();
    }
}

/// Called after completions to this client, before it is notified.
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

/// Called with an interrupt that is not acknowledged yet.
pub fn interrupted(generation: u64, completions: u64) {
    let mortal = generation < DEATHS && completions >= LIFE;
    if black_box(cfg!(feature = "dies-at-interrupt")) && mortal {
        panic!("this image ends with an interrupt unacknowledged");
    }
}

/// Called when `update` wakes the generation after it has reported that it is quiet. The address of the access that follows
/// shows the result of the acknowledgement: 8 bytes for each error code.
pub fn lingers(irq: Option<Channel>, queue: &[AtomicU64], device: Option<Registers>) {
    if !cfg!(any(feature = "linger-memory", feature = "linger-device")) {
        return;
    }
    let acknowledged = irq.map_or(Ok(()), |irq| irq.irq_handler().irq_handler_ack());
    let code = acknowledged.map_or_else(|error| error.into_sys(), |()| 0) as usize;
    if cfg!(feature = "linger-memory") {
        black_box(queue.get(code).map(|word| word.load(Ordering::Relaxed)));
    } else {
        black_box(device.map(|device| device.read(code * 8)));
    }
}
