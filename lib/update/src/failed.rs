// SPDX-License-Identifier: BSD-2-Clause
//! Images that failed with the device in their hands. They are refused, so that nobody can have the same one tried for ever.
//!
//! What one client fills cannot keep another's offers out, nor have another's images forgotten: where all entries are used,
//! the oldest one of the client that has most of them gives way. An entry is forgotten after a time.

use heapless::Vec;

use crate::{Client, Digest, Micros};

/// Entries: of eight clients, which are the most that a component has, each can keep four.
const ENTRIES: usize = 32;

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
pub(crate) struct Failed(Vec<Entry, ENTRIES>);

impl Failed {
    /// An image of this client failed; it is remembered for so long, or for good.
    pub fn add(&mut self, now: Micros, client: Client, digest: Digest, span: Option<Micros>) {
        self.0.retain(|entry| entry.digest != digest);
        if self.0.is_full() {
            self.make_room();
        }
        let entry = Entry {
            digest,
            client,
            until: span.map(|span| now.saturating_add(span)),
        };
        // There is room.
        let _ = self.0.push(entry);
    }

    /// The oldest entry of the client that has most of them gives way.
    fn make_room(&mut self) {
        let of = |client| self.0.iter().filter(|e| e.client == client).count();
        let most = self.0.iter().map(|e| e.client).max_by_key(|c| of(*c));
        if let Some(oldest) = self.0.iter().position(|e| Some(e.client) == most) {
            self.0.remove(oldest);
        }
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
