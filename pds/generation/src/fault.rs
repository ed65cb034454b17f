// SPDX-License-Identifier: BSD-2-Clause
//! The points at which an image for tests may misbehave.

use core::sync::atomic::AtomicU64;

use molt_service::Progress;

/// The misbehaviour of an image. Each method's default is the right behaviour.
pub trait Fault {
    /// Called before the image reports that it is ready.
    fn before_ready(&self) {}

    /// Whether it reports that it is ready.
    fn says_ready(&self) -> bool {
        true
    }

    /// Whether it follows the order to quiesce.
    fn obeys(&self) -> bool {
        true
    }

    /// Called after requests were given to the device; `orders` is the page `orders`.
    fn pumped(&self, _progress: &Progress, _orders: &[AtomicU64]) {}

    /// How many of these completions are reported as errors.
    fn errors(&self, progress: &Progress) -> u32 {
        progress.errors
    }

    /// Called after completions to this client, before it is notified.
    fn completed(&self, _queue: &[AtomicU64], _generation: u64) {}
}

/// An ordinary image.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sound;

impl Fault for Sound {}
