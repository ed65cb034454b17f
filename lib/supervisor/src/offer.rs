// SPDX-License-Identifier: BSD-2-Clause
//! What a client offered, and how far that has come: what its answers say.

use molt_control::stage::Results;
use molt_doorbell::{Reason, Status};

/// The newest offer.
pub struct Offer {
    /// The handle with which it is confirmed.
    pub handle: u64,
    /// Bytes of the bundle in the staging region, as its client says.
    pub length: u64,
    /// What `stage` found in it.
    pub image: Image,
    /// Where the component's transaction stands, and why.
    pub status: Status,
    /// For the final ones.
    pub reason: Reason,
}

/// A verified image.
#[derive(Clone, Copy, Default)]
pub struct Image {
    /// Bytes.
    pub length: u64,
    /// Sequence number of its bundle.
    pub sequence: u64,
}

impl Default for Offer {
    fn default() -> Self {
        Self {
            handle: 0,
            length: 0,
            image: Image::default(),
            status: Status::Idle,
            reason: Reason::None,
        }
    }
}

impl Offer {
    /// A new one that can be taken.
    pub fn made(&mut self, handle: u64, length: u64) {
        (self.handle, self.length) = (handle, length);
    }

    /// `stage` has verified it.
    pub fn verified(&mut self, results: &Results) {
        self.image = Image {
            length: results.length,
            sequence: results.sequence,
        };
    }

    /// The machine has reported a status.
    pub fn reached(&mut self, status: Status, reason: Reason) {
        (self.status, self.reason) = (status, reason);
    }
}
