// SPDX-License-Identifier: BSD-2-Clause
//! Images that failed with the device in their hands. They are refused, so that nobody can have the same one tried for ever.
//!
//! What one client fills cannot keep another's offers out: each has [`EACH`] entries of its own, of which the oldest gives
//! way, and an entry is forgotten after a time.

use heapless::Vec;

use crate::{Client, Digest, Micros};

/// Entries of one client.
pub(crate) const EACH: usize = 4;
/// Clients of a component at most.
const CLIENTS: usize = 8;

/// An image that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Entry {
    digest: Digest,
    client: Client,
    /// When it is forgotten.
    until: Option<Micros>,
}

/// The failed images, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Failed(Vec<Entry, { EACH * CLIENTS }>);

impl Failed {
    /// An image of this client failed; it is remembered for so long, or for good.
    pub fn add(&mut self, now: Micros, client: Client, digest: Digest, span: Option<Micros>) {
        self.0.retain(|entry| entry.digest != digest);
        if self.0.iter().filter(|e| e.client == client).count() >= EACH
            && let Some(oldest) = self.0.iter().position(|e| e.client == client)
        {
            self.0.remove(oldest);
        }
        let entry = Entry {
            digest,
            client,
            until: span.map(|span| now.saturating_add(span)),
        };
        // There is room: no client has more than its share.
        let _ = self.0.push(entry);
    }

    /// Whether the image is remembered.
    pub fn contains(&mut self, now: Micros, digest: &Digest) -> bool {
        self.0.retain(|e| e.until.is_none_or(|until| until > now));
        self.0.iter().any(|e| e.digest == *digest)
    }

    /// All are forgotten.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn rebase(&mut self, now: Micros) {
        for entry in &mut self.0 {
            entry.until = entry.until.map(|until| until.saturating_sub(now));
        }
    }
}
