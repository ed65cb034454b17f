// SPDX-License-Identifier: BSD-2-Clause
//! The word that says that a component which a client's gate keeps it from is denied, too: the driver's thread stands still, the device
//! is at rest, and nothing of the old generation reaches the client's memory any more.
//!
//! It holds the epoch of the closed gate that it belongs to, so an earlier denial is not taken for the present one. (A gate that has never
//! changed has epoch 0, and no denial.) Nobody waits for the client to see it: the gate may open at any time.

use core::sync::atomic::AtomicU64;

use crate::word::of_component;

/// Index of the first word in `to_client`.
const DENIALS: usize = 40;

/// The word of a component.
pub fn word(to_client: &[AtomicU64], component: usize) -> Option<&AtomicU64> {
    of_component(to_client, DENIALS, component)
}
