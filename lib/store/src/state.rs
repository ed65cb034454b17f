// SPDX-License-Identifier: BSD-2-Clause
//! What the records say about each component, in their order.

use heapless::Vec;

use crate::{Digest, Kind, Name, Record};

/// Most components of which the state is kept.
pub const COMPONENTS: usize = 8;
/// Most failed images of a component; an older one makes place.
pub const FAILED: usize = 32;

/// A bundle that was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its slot, 0 or 1.
    pub slot: u32,
    /// Its sequence number.
    pub sequence: u64,
    /// Its length in bytes.
    pub length: u64,
    /// SHA-256 of it.
    pub bundle: Digest,
    /// SHA-256 of its image.
    pub image: Digest,
}

/// A component.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Component {
    /// Its name.
    pub name: Name,
    /// What is committed.
    pub committed: Option<Committed>,
    /// What was committed before. Its bundle is there until the next commit begins.
    pub before: Option<Committed>,
    /// Images that failed, oldest first.
    pub failed: Vec<Digest, FAILED>,
}

/// The components of which there are records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    components: Vec<Component, COMPONENTS>,
    /// The number of the last power-on.
    pub start: u32,
    /// Records of components for which there was no room.
    pub ignored: u32,
}

impl State {
    /// A component, if there are records of it.
    #[must_use]
    pub fn component(&self, name: &Name) -> Option<&Component> {
        self.components.iter().find(|c| c.name == *name)
    }

    /// Follows a record.
    pub fn follow(&mut self, record: &Record) {
        self.start = self.start.max(record.start);
        let Some(kind) = record.kind() else {
            return;
        };
        let known = self
            .components
            .iter()
            .position(|c| c.name == record.component);
        let index = known.unwrap_or(self.components.len());
        if known.is_none() {
            let new = Component {
                name: record.component,
                ..Component::default()
            };
            if self.components.push(new).is_err() {
                self.ignored += 1;
                return;
            }
        }
        if let Some(component) = self.components.get_mut(index) {
            component.follow(kind, record);
        }
    }
}

impl Component {
    fn follow(&mut self, kind: Kind, record: &Record) {
        match kind {
            Kind::Committed => {
                self.before = self.committed.replace(Committed {
                    slot: record.slot,
                    sequence: record.sequence,
                    length: record.length,
                    bundle: record.bundle,
                    image: record.image,
                });
            }
            Kind::RolledBack => {
                self.fail(record.image);
                self.take_back(record);
            }
            Kind::TakenBack => self.take_back(record),
            Kind::Forgiven => self.failed.clear(),
            Kind::Started
            | Kind::Offered
            | Kind::Refused
            | Kind::Recovered
            | Kind::OutOfService => {}
        }
    }

    /// The image was rolled back. If its commit was written all the same, nobody was told of it.
    fn take_back(&mut self, record: &Record) {
        let is_it = |c: &Committed| c.sequence == record.sequence && c.image == record.image;
        if self.committed.as_ref().is_some_and(is_it) {
            self.committed = self.before.take();
        }
    }

    fn fail(&mut self, image: Digest) {
        self.failed.retain(|failed| *failed != image);
        if self.failed.is_full() {
            self.failed.remove(0);
        }
        // There is room.
        let _ = self.failed.push(image);
    }
}
