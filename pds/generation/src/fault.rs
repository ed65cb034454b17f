// SPDX-License-Identifier: BSD-2-Clause
//! Where an image for tests may do something wrong.

use core::sync::atomic::AtomicU64;

use molt_service::Progress;

/// What an image does wrong; nothing, unless implemented.
pub trait Fault {
    /// Called when it is about to say that it is ready.
    fn before_ready(&self) {}

    /// Does it say that it is ready?
    fn says_ready(&self) -> bool {
        true
    }

    /// Does it follow the order to quiesce?
    fn obeys(&self) -> bool {
        true
    }

    /// Called after requests were given to the device; `orders` is the page of them.
    fn pumped(&self, _progress: &Progress, _orders: &[AtomicU64]) {}

    /// How many of these completions are reported as errors.
    fn errors(&self, progress: &Progress) -> u32 {
        progress.errors
    }

    /// Called after completions to this client, before it is told.
    fn completed(&self, _queue: &[AtomicU64], _generation: u64) {}
}

/// An ordinary image.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sound;

impl Fault for Sound {}
