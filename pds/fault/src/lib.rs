// SPDX-License-Identifier: BSD-2-Clause
//! The faults of images for tests, selected by features, for drivers of every class of device. An ordinary image has none.
#![no_std]
#![allow(
    clippy::missing_const_for_fn,
    unused_variables,
    reason = "each function does something in one image only"
)]

use core::fmt;
use core::hint::black_box;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use molt_clock::Frequency;
use molt_generation::Fault;
use molt_queue::{Payload, layout};
use molt_service::Progress;

/// How long a slow start takes, in ns.
const SLOW_NS: u64 = 1_000_000_000;

/// How often an image that wears out notifies a client of completions before it faults.
const LIFE: u64 = 1_000;
static TOLD: AtomicU64 = AtomicU64::new(0);

/// Called before anything else.
pub fn at_start() {
    // The compiler must not see that this is constant: it would remove the whole driver, with the symbols that the tool sets.
    if black_box(cfg!(feature = "fault-at-start")) {
        panic!("this image faults at its start");
    }
}

/// What this image does wrong, with requests of this kind.
pub struct Faults<P>(PhantomData<fn() -> P>);

impl<P> Default for Faults<P> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<P> fmt::Debug for Faults<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faults")
    }
}

impl<P: Payload> Fault for Faults<P> {
    fn before_ready(&self) {
        if cfg!(feature = "slow-start") {
            let end = Frequency::of_this_machine().ticks(SLOW_NS);
            let end = molt_clock::now().saturating_add(end);
            while molt_clock::now() < end {
                core::hint::spin_loop();
            }
        }
    }

    fn says_ready(&self) -> bool {
        !cfg!(feature = "never-ready")
    }

    fn obeys(&self) -> bool {
        !cfg!(feature = "never-quiesced")
    }

    fn pumped(&self, progress: &Progress, orders: &[AtomicU64]) {
        if progress.submitted == 0 {
            return;
        }
        if cfg!(feature = "spin") {
            loop {
                core::hint::spin_loop();
            }
        }
        // The access has to fault. It writes the value that is there already: if it does not fault, the image works as a good
        // one, and the test sees that.
        if cfg!(feature = "writes-orders") {
            orders.iter().for_each(rewrite);
        }
        if cfg!(feature = "writes-text") {
            // SAFETY: the page of this function is mapped for as long as the program runs. It is not to be written, and the
            // access is to fault; the same value does no harm.
            let text = unsafe { molt_shared::words(at_start as *const () as usize & !0xfff, 8) };
            text.iter().for_each(rewrite);
        }
        if cfg!(feature = "jumps-into-data") {
            let data = RETURN.as_ptr().cast_const();
            // SAFETY: what stands there returns at once. It is not to be executed, and the jump is to fault.
            let jump: extern "C" fn() = unsafe { core::mem::transmute(data) };
            black_box(jump)();
        }
    }

    fn errors(&self, progress: &Progress) -> u32 {
        if cfg!(feature = "answers-errors") {
            progress.completed
        } else {
            progress.errors
        }
    }

    fn completed(&self, queue: &[AtomicU64], generation: u64) {
        let add = |word: usize, value: u64| {
            if let Some(word) = queue.get(word) {
                word.fetch_add(value, Ordering::Release);
            }
        };
        if black_box(cfg!(feature = "wears-out"))
            && (generation > 0 || TOLD.fetch_add(1, Ordering::Relaxed) > LIFE)
        {
            panic!("this image is worn out");
        }
        if cfg!(feature = "forbidden-index") {
            add(layout::COMPLETED, 1000);
        }
        let load = |word: usize| queue.get(word).map_or(0, |w| w.load(Ordering::Relaxed));
        let newest = layout::completion(load(layout::COMPLETED).wrapping_sub(1));
        let instead = |word: usize, value: u64| {
            if let Some(word) = queue.get(word) {
                word.store(value, Ordering::Relaxed);
            }
        };
        if cfg!(feature = "forbidden-id") {
            instead(newest, layout::completed(200, generation));
        }
        if cfg!(feature = "answers-errors") {
            instead(newest + 1, P::answer_to_word(P::FAILED));
        }
        if cfg!(feature = "forbidden-slot") {
            for slot in 0..layout::SLOTS as u8 {
                add(layout::slot::<P>(slot) + 1, 1);
            }
        }
    }
}

/// `RET`, as data (Arm ARM C6.2.302).
static RETURN: AtomicU32 = AtomicU32::new(0xd65f_03c0);

fn rewrite(word: &AtomicU64) {
    word.store(black_box(word.load(Ordering::Relaxed)), Ordering::Relaxed);
}
