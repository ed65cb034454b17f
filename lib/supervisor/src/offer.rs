// SPDX-License-Identifier: BSD-2-Clause
//! The newest offer of a client, and its status: the content of the answers to the client.

use molt_control::stage::{Refused, Results};
use molt_doorbell::{Reason, Status};

/// The newest offer.
pub struct Offer {
    /// The handle with which it is confirmed.
    pub handle: u64,
    /// Bytes of the bundle in the staging region, as its client claims.
    pub length: u64,
    /// The image that `stage` found in it.
    pub image: Image,
    /// What is known of it, if it was refused.
    pub refused: Refused,
    /// Its bundle was offered for another component.
    pub follows: bool,
    /// It failed, which has been recorded.
    pub blamed: bool,
    /// The status of the component's transaction.
    pub status: Status,
    /// The reason, for a final status.
    pub reason: Reason,
}

/// A verified image.
#[derive(Clone, Copy, Default)]
pub struct Image {
    /// Bytes.
    pub length: u64,
    /// Sequence number of its bundle.
    pub sequence: u64,
    /// SHA-256 of it, little endian words.
    pub digest: [u64; 4],
    /// SHA-256 of its manifest, likewise.
    pub manifest: [u64; 4],
}

impl Default for Offer {
    fn default() -> Self {
        Self {
            handle: 0,
            length: 0,
            image: Image::default(),
            refused: Refused::default(),
            follows: false,
            blamed: false,
            status: Status::Idle,
            reason: Reason::None,
        }
    }
}

impl Offer {
    /// Records a new offer.
    pub fn made(&mut self, handle: u64, length: u64) {
        (self.handle, self.length) = (handle, length);
        self.image = Image::default();
        self.refused = Refused::default();
        self.follows = false;
        self.blamed = false;
    }

    /// Records that the bundle that was offered for another component is for this one too.
    pub fn joined(&mut self, length: u64) {
        self.made(0, length);
        self.follows = true;
    }

    /// `stage` has verified it.
    pub fn verified(&mut self, results: &Results) {
        self.image = Image {
            length: results.length,
            sequence: results.sequence,
            digest: results.digest,
            manifest: results.manifest,
        };
    }

    /// The machine has reported a status.
    pub fn reached(&mut self, status: Status, reason: Reason) {
        (self.status, self.reason) = (status, reason);
    }
}
