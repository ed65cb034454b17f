// SPDX-License-Identifier: BSD-2-Clause
//! What the records say about each component, in their order.

use heapless::Vec;

use crate::{Digest, Kind, Name, Record};

/// Most components of which the state is kept.
pub const COMPONENTS: usize = 8;
/// Most failed images of a component; an older one makes place.
pub const FAILED: usize = 32;

/// A bundle that was committed, or a list of keys that is in force.
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
    /// SHA-256 of its image; zeros for a list.
    pub image: Digest,
    /// Number of the record that committed it, if that committed other components too.
    pub together: Option<u64>,
}

impl Committed {
    fn of(record: &Record) -> Self {
        Self {
            slot: record.slot,
            sequence: record.sequence,
            length: record.length,
            bundle: record.bundle,
            image: record.image,
            together: None,
        }
    }

    fn is(&self, record: &Record) -> bool {
        self.sequence == record.sequence && self.image == record.image
    }
}

/// A component.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Component {
    /// Its name.
    pub name: Name,
    /// What is committed.
    pub committed: Option<Committed>,
    /// What was committed before, or was until the operator rolled back. Its bundle is there until the next commit begins.
    pub before: Option<Committed>,
    /// The highest sequence number that was committed; and the one before it, until the commit is acknowledged.
    pub floor: u64,
    floor_before: u64,
    /// The list of keys that is in force.
    pub keys: Option<Committed>,
    /// The operator has frozen it.
    pub frozen: bool,
    /// Images that failed, oldest first.
    pub failed: Vec<Digest, FAILED>,
}

/// The components of which there are records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    components: Vec<Component, COMPONENTS>,
    /// The records *joined* that nothing followed yet: the component's index, and what would be committed.
    joined: Vec<(usize, Committed), COMPONENTS>,
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

    /// The other components that were committed by the same record as `component`, and still are.
    pub fn together(&self, component: &Component) -> impl Iterator<Item = &Component> {
        let record = component.committed.and_then(|c| c.together);
        let others = self.components.iter().filter(|c| c.name != component.name);
        others.filter(move |c| record.is_some() && c.committed.and_then(|c| c.together) == record)
    }

    /// Follows a record.
    pub fn follow(&mut self, record: &Record) {
        self.start = self.start.max(record.start);
        // Only a commit that comes directly after them commits them.
        let joined = core::mem::take(&mut self.joined);
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
        match kind {
            Kind::Joined => {
                self.joined = joined;
                // There is room for each component once, and nobody writes more.
                let _ = self.joined.push((index, Committed::of(record)));
            }
            Kind::Committed if record.joined != 0 => self.commit(index, record, &joined),
            Kind::RolledBack | Kind::TakenBack => self.take_back(index, kind, record),
            _ => {
                if let Some(component) = self.components.get_mut(index) {
                    component.follow(kind, record);
                }
            }
        }
    }

    /// Commits component `index` and those of the last records *joined*, as many as the record counts.
    fn commit(&mut self, index: usize, record: &Record, joined: &[(usize, Committed)]) {
        let first = joined.len().checked_sub(record.joined as usize);
        let Some(others) = first.and_then(|first| joined.get(first..)) else {
            // Nobody writes this.
            return;
        };
        let own = (index, Committed::of(record));
        for (index, committed) in others.iter().chain([&own]) {
            if let Some(component) = self.components.get_mut(*index) {
                component.commit(Committed {
                    together: Some(record.number),
                    ..*committed
                });
            }
        }
    }

    /// An image was rolled back. If it was committed all the same, so were the others that were committed with it.
    fn take_back(&mut self, index: usize, kind: Kind, record: &Record) {
        let Some(component) = self.components.get_mut(index) else {
            return;
        };
        let committed = component.committed.filter(|c| c.is(record));
        component.follow(kind, record);
        let Some(together) = committed.and_then(|c| c.together) else {
            return;
        };
        for other in &mut self.components {
            if other.committed.and_then(|c| c.together) == Some(together) {
                other.uncommit();
            }
        }
    }
}

impl Component {
    fn follow(&mut self, kind: Kind, record: &Record) {
        match kind {
            Kind::Committed => self.commit(Committed::of(record)),
            Kind::KeysExchanged => self.keys = Some(Committed::of(record)),
            Kind::RolledBack => {
                self.fail(record.image);
                self.take_back(record);
            }
            Kind::TakenBack => self.take_back(record),
            Kind::Forgiven if record.image == [0; 32] => self.failed.clear(),
            Kind::Forgiven => self.failed.retain(|failed| *failed != record.image),
            Kind::Frozen => self.frozen = true,
            Kind::Thawed => self.frozen = false,
            Kind::Reverted => self.revert(record),
            Kind::Joined
            | Kind::Approved
            | Kind::Deferred
            | Kind::Admitted
            | Kind::Forced
            | Kind::Restored
            | Kind::Readmitted
            | Kind::Started
            | Kind::Offered
            | Kind::Refused
            | Kind::Recovered
            | Kind::OutOfService => {}
        }
    }

    fn commit(&mut self, committed: Committed) {
        self.before = self.committed.replace(committed);
        self.floor_before = self.floor;
        self.floor = self.floor.max(committed.sequence);
    }

    /// What is committed was not acknowledged, and is not committed any more.
    fn uncommit(&mut self) {
        self.committed = self.before.take();
        self.floor = self.floor_before;
    }

    /// The image was rolled back. If its commit was written all the same, nobody was told of it.
    fn take_back(&mut self, record: &Record) {
        if self.committed.as_ref().is_some_and(|c| c.is(record)) {
            self.uncommit();
        } else if self.committed.is_none() && record.image == [0; 32] {
            // The return to the factory image.
            self.committed = self.before.take();
        }
    }

    /// The operator has rolled back to the image before; to the factory's, if it is not that.
    fn revert(&mut self, record: &Record) {
        let before = self.before.filter(|before| before.is(record));
        self.before = core::mem::replace(&mut self.committed, before);
        self.floor_before = self.floor;
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
