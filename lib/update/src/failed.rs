// SPDX-License-Identifier: BSD-2-Clause
//! Images that failed after they had been granted the device. They are refused, so that the same image is not tried again
//! and again.
//!
//! One client cannot have another's offers refused or another's entries forgotten: when all entries are used, a new one
//! replaces the oldest one of the client that has the most. An entry is forgotten after a time.

use heapless::Vec;

use crate::{Client, Digest, Micros};

/// The number of entries: four for each of eight clients, the most that a component has.
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
    /// Adds an image that failed. It is remembered for `span`; if that is `None`, for ever.
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

    /// Removes the oldest entry of the client that has the most.
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

    /// Forgets one image. Returns whether it was remembered.
    pub fn remove(&mut self, digest: &Digest) -> bool {
        let before = self.0.len();
        self.0.retain(|entry| entry.digest != *digest);
        self.0.len() < before
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Digest> {
        self.0.iter().map(|entry| &entry.digest)
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn rebase(&mut self, now: Micros) {
        for entry in &mut self.0 {
            entry.until = entry.until.map(|until| until.saturating_sub(now));
        }
    }
}
