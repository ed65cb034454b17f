// SPDX-License-Identifier: BSD-2-Clause
//! The store: the log and the slots together.

use heapless::Vec;
use sha2::{Digest as _, Sha256};

use crate::log::{Health, Log};
use crate::state::{COMPONENTS, Committed, Component, State};
use crate::{Digest, Flash, FlashError, Kind, Name, RECORD, Record};

/// Bytes that are copied at a time.
const CHUNK: usize = 1024;
/// Cells that are kept for the ends of transactions under way.
const LAST: u32 = 12;

/// Where the slots of a component are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The component.
    pub name: Name,
    /// For bundles.
    pub bundles: Slots,
    /// For lists of keys.
    pub keys: Slots,
}

/// Two slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    /// Offset of slot 0, a multiple of the block size; slot 1 follows it.
    pub offset: u32,
    /// Bytes of a slot, a multiple of the block size.
    pub size: u32,
}

impl Slots {
    /// The first byte of a slot.
    const fn start(&self, slot: u32) -> u32 {
        self.offset + slot * self.size
    }
}

/// What a record is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The component.
    pub component: Name,
    /// The client that offered; empty if it was none.
    pub client: Name,
    /// Time since power-on, in us.
    pub time_us: u64,
    /// Sequence number of the bundle, if it is known.
    pub sequence: u64,
    /// SHA-256 of the image, if it is known.
    pub image: Digest,
    /// SHA-256 of the bundle's manifest, if it is known.
    pub manifest: Digest,
    /// SHA-256 of a bundle that was refused, if it is known.
    pub bundle: Digest,
    /// A number of the caller's.
    pub reason: u32,
    /// So many refusals before this one were not passed to the store.
    pub left_out: u32,
}

/// Why nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The log is full.
    Full,
    /// The log is broken ([`Health::Broken`]).
    Broken,
    /// The component has no slots, or the bundle or list is larger than one.
    NoPlace,
    /// The flash failed; nothing is committed.
    Flash(FlashError),
    /// The slot does not hold what was written to it; nothing is committed.
    Differs,
    /// Not as many bundles were prepared right before, or one for the same component.
    NotPrepared,
}

/// Why there is no committed bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Nothing was ever committed.
    Nothing,
    /// The log is broken, so that nobody knows what was committed last.
    Broken,
    /// The bundle is not in its slot any more: its digest is wrong.
    Damaged,
    /// The flash failed.
    Flash(FlashError),
}

/// A bundle or list that was written to a slot, and read back.
#[derive(Clone, Copy, Debug)]
struct Written {
    slot: u32,
    length: u64,
    bundle: Digest,
}

impl Written {
    fn put(self, record: Record) -> Record {
        Record {
            slot: self.slot,
            length: self.length,
            bundle: self.bundle,
            ..record
        }
    }
}

/// The store.
#[derive(Debug)]
pub struct Store<F> {
    flash: F,
    log: Log,
    state: State,
    places: Vec<Place, COMPONENTS>,
    /// Bundles that were written to their slots and are to be committed with the next one.
    prepared: Vec<(Entry, Written), COMPONENTS>,
    /// Refusals that were not recorded since the last record.
    left_out: u32,
    /// Cells of the log.
    cells: u32,
}

impl<F: Flash> Store<F> {
    /// Reads the store. The log has the first `log_size` bytes; behind it, in the order of `places`, are the slots for bundles, and
    /// then those for lists of keys.
    ///
    /// # Errors
    /// The flash cannot be read, or the places do not fit it ([`FlashError::Outside`]).
    pub fn open(mut flash: F, log_size: u32, places: &[Place]) -> Result<Self, FlashError> {
        let geometry = flash.geometry();
        let block = geometry.block_size;
        let mut end = u64::from(log_size);
        let kept = Vec::from_slice(places).map_err(|_| FlashError::Outside)?;
        let mut fits = log_size.is_multiple_of(block) && end <= geometry.size();
        let bundles = places.iter().map(|place| place.bundles);
        for slots in bundles.chain(places.iter().map(|place| place.keys)) {
            let starts_behind = u64::from(slots.offset) >= end;
            end = u64::from(slots.offset) + 2 * u64::from(slots.size);
            let whole = slots.offset.is_multiple_of(block) && slots.size.is_multiple_of(block);
            fits &= starts_behind && whole && end <= geometry.size();
        }
        if !fits {
            return Err(FlashError::Outside);
        }
        let cells = log_size / RECORD as u32;
        let mut state = State::default();
        let log = Log::open(&mut flash, cells, |record| state.follow(record))?;
        state.start = state.start.saturating_add(1);
        Ok(Self {
            flash,
            log,
            state,
            places: kept,
            prepared: Vec::new(),
            left_out: 0,
            cells,
        })
    }

    /// The state of the log.
    pub fn health(&self) -> Health {
        self.log.health()
    }

    /// Whether a new offer can be taken: `Err` with the reason for which not.
    ///
    /// # Errors
    /// Full or broken.
    pub fn room(&self) -> Result<(), Refused> {
        self.writable()?;
        let room = self.log.free() > LAST;
        room.then_some(()).ok_or(Refused::Full)
    }

    /// Records that still have room.
    pub fn free(&self) -> u32 {
        self.log.free()
    }

    /// Cells of the log that are in use.
    pub fn cells(&self) -> u32 {
        self.log.used()
    }

    /// The record in a cell of the log, if there is a whole one.
    ///
    /// # Errors
    /// The flash cannot be read.
    pub fn read(&mut self, cell: u32) -> Result<Option<Record>, FlashError> {
        self.log.record(&mut self.flash, cell)
    }

    /// What is known about a component.
    pub fn component(&self, name: &Name) -> Option<&Component> {
        self.state.component(name)
    }

    /// The number of this power-on.
    pub fn start(&self) -> u32 {
        self.state.start
    }

    /// The flash, when the store is not used any more.
    pub fn into_flash(self) -> F {
        self.flash
    }

    /// Appends a record that carries no bundle; it is durable on return. The last quarter of the log is not used for refusals,
    /// so that whoever only has offers refused cannot fill it: they are counted in the next record.
    ///
    /// # Errors
    /// Full, broken, or the flash failed.
    pub fn record(&mut self, kind: Kind, entry: &Entry) -> Result<(), Refused> {
        self.writable()?;
        self.prepared.clear();
        if kind == Kind::Refused && self.log.free() <= self.cells / 4 {
            self.left_out = self.left_out.saturating_add(1 + entry.left_out);
            return Ok(());
        }
        self.append(kind, entry, |record| record).map(|_| ())
    }

    /// Writes a bundle of `length` bytes, of which `read(offset, out)` tells the bytes, to the component's slot that does not
    /// boot, and commits it. It is durable on return.
    ///
    /// # Errors
    /// Nothing is committed then.
    pub fn commit(
        &mut self,
        entry: &Entry,
        length: u64,
        read: impl FnMut(usize, &mut [u8]),
    ) -> Result<(), Refused> {
        let (slots, last) = self.bundles(entry);
        self.prepared.clear();
        self.exchange(Kind::Committed, entry, slots, last, (length, read))
    }

    /// Writes a bundle to the component's slot that does not boot, for [`Self::commit_together`], which has to follow without anything but
    /// other calls of this kind in between. Nothing is committed and no record is written.
    ///
    /// # Errors
    /// As for [`Self::commit`].
    pub fn prepare(
        &mut self,
        entry: &Entry,
        length: u64,
        read: impl FnMut(usize, &mut [u8]),
    ) -> Result<(), Refused> {
        let (slots, last) = self.bundles(entry);
        self.prepared
            .retain(|(other, _)| other.component != entry.component);
        let written = self.put_down(slots, last, (length, read))?;
        let prepared = self.prepared.push((*entry, written));
        prepared.map_err(|_| Refused::NoPlace)
    }

    /// Commits a bundle as [`Self::commit`] does, and in the same instant the `others` that were prepared: the record *committed* comes last,
    /// and the records *joined* before it mean nothing without it.
    ///
    /// # Errors
    /// Nothing is committed then.
    pub fn commit_together(
        &mut self,
        entry: &Entry,
        others: u32,
        length: u64,
        read: impl FnMut(usize, &mut [u8]),
    ) -> Result<(), Refused> {
        let prepared = core::mem::take(&mut self.prepared);
        let own = prepared
            .iter()
            .any(|(other, _)| other.component == entry.component);
        if own || prepared.len() != others as usize {
            return Err(Refused::NotPrepared);
        }
        let (slots, last) = self.bundles(entry);
        let written = self.put_down(slots, last, (length, read))?;
        if self.log.free() <= others {
            return Err(Refused::Full);
        }
        for (other, written) in &prepared {
            self.append(Kind::Joined, other, |record| written.put(record))?;
        }
        let joined = others;
        self.append(Kind::Committed, entry, |record| Record {
            joined,
            ..written.put(record)
        })
        .map(|_| ())
    }

    /// Does the same with a list of keys: it is in force when this returns, also after the power has gone.
    ///
    /// # Errors
    /// The list before is in force then.
    pub fn exchange_keys(
        &mut self,
        entry: &Entry,
        length: u64,
        read: impl FnMut(usize, &mut [u8]),
    ) -> Result<(), Refused> {
        let slots = self.place(&entry.component).map(|place| place.keys);
        let last = self.keys(&entry.component).copied();
        self.exchange(Kind::KeysExchanged, entry, slots, last, (length, read))
    }

    /// Where the component's bundles are, and the committed one.
    fn bundles(&self, entry: &Entry) -> (Option<Slots>, Option<Committed>) {
        let slots = self.place(&entry.component).map(|place| place.bundles);
        (slots, self.committed(&entry.component).copied())
    }

    /// Writes `content` to the slot that `last` is not in, and appends the record that puts it in its place.
    fn exchange(
        &mut self,
        kind: Kind,
        entry: &Entry,
        slots: Option<Slots>,
        last: Option<Committed>,
        content: (u64, impl FnMut(usize, &mut [u8])),
    ) -> Result<(), Refused> {
        let written = self.put_down(slots, last, content)?;
        self.append(kind, entry, |record| written.put(record))
            .map(|_| ())
    }

    /// Writes `content` to the slot that `last` is not in; it is durable on return.
    fn put_down(
        &mut self,
        slots: Option<Slots>,
        last: Option<Committed>,
        (length, mut read): (u64, impl FnMut(usize, &mut [u8])),
    ) -> Result<Written, Refused> {
        self.writable()?;
        let slots = slots.ok_or(Refused::NoPlace)?;
        if length == 0 || length > slots.size.into() {
            return Err(Refused::NoPlace);
        }
        let slot = last.map_or(0, |c| 1 - (c.slot & 1));
        let start = slots.start(slot);
        let bundle = self.write(start, length as u32, &mut read)?;
        if self.digest(start, length as u32).map_err(Refused::Flash)? != bundle {
            return Err(Refused::Differs);
        }
        self.flash.flush().map_err(Refused::Flash)?;
        Ok(Written {
            slot,
            length,
            bundle,
        })
    }

    /// Commits what was committed before, or the factory image if `entry` is not that; it is durable on return.
    ///
    /// # Errors
    /// Nothing has changed then.
    pub fn revert(&mut self, entry: &Entry) -> Result<(), Refused> {
        self.writable()?;
        self.prepared.clear();
        self.append(Kind::Reverted, entry, |record| record)
            .map(|_| ())
    }

    /// Finds the committed bundle of a component, and checks that it is whole, and that those are that were committed together with it: if
    /// one is damaged, none of them is used. `each(offset, bytes)` is given its bytes; they may
    /// be used only if the result is not an error.
    ///
    /// # Errors
    /// Why there is none.
    pub fn recall(
        &mut self,
        component: &Name,
        each: impl FnMut(usize, &[u8]),
    ) -> Result<Committed, Unreadable> {
        let slots = self.place(component).map(|place| place.bundles);
        let last = self.committed(component).copied();
        self.check_together(component)?;
        self.deliver(slots, last, each)
    }

    /// Whether the bundles are whole that were committed together with this component's.
    fn check_together(&mut self, component: &Name) -> Result<(), Unreadable> {
        let own = self.state.component(component);
        let others = own.into_iter().flat_map(|own| self.state.together(own));
        let others: Vec<_, COMPONENTS> = others
            .filter_map(|other| Some((self.place(&other.name)?.bundles, other.committed)))
            .collect();
        for (slots, committed) in others {
            self.deliver(Some(slots), committed, |_, _| ())?;
        }
        Ok(())
    }

    /// Does the same with the list of keys that is in force.
    ///
    /// # Errors
    /// Why there is none.
    pub fn recall_keys(
        &mut self,
        component: &Name,
        each: impl FnMut(usize, &[u8]),
    ) -> Result<Committed, Unreadable> {
        let slots = self.place(component).map(|place| place.keys);
        let last = self.keys(component).copied();
        self.deliver(slots, last, each)
    }

    fn deliver(
        &mut self,
        slots: Option<Slots>,
        last: Option<Committed>,
        mut each: impl FnMut(usize, &[u8]),
    ) -> Result<Committed, Unreadable> {
        if let Health::Broken(_) = self.log.health() {
            return Err(Unreadable::Broken);
        }
        let last = last.ok_or(Unreadable::Nothing)?;
        let slots = slots.ok_or(Unreadable::Damaged)?;
        if last.slot > 1 || last.length > slots.size.into() {
            return Err(Unreadable::Damaged);
        }
        let length = last.length as u32;
        let digest = self
            .scan(slots.start(last.slot), length, &mut each)
            .map_err(Unreadable::Flash)?;
        if digest != last.bundle {
            return Err(Unreadable::Damaged);
        }
        Ok(last)
    }

    /// The highest sequence number that was ever committed for the component; 0 if none was. Nothing that is not above it is to
    /// be accepted, whatever runs.
    pub fn floor(&self, component: &Name) -> u64 {
        self.state.component(component).map_or(0, |c| c.floor)
    }

    /// Nothing is written to a broken log.
    fn writable(&self) -> Result<(), Refused> {
        match self.log.health() {
            Health::Broken(_) => Err(Refused::Broken),
            Health::Blank | Health::Good => Ok(()),
        }
    }

    fn committed(&self, component: &Name) -> Option<&Committed> {
        self.state.component(component)?.committed.as_ref()
    }

    fn keys(&self, component: &Name) -> Option<&Committed> {
        self.state.component(component)?.keys.as_ref()
    }

    fn place(&self, component: &Name) -> Option<Place> {
        self.places.iter().find(|p| p.name == *component).copied()
    }

    fn append(
        &mut self,
        kind: Kind,
        entry: &Entry,
        more: impl FnOnce(Record) -> Record,
    ) -> Result<Record, Refused> {
        if self.log.free() == 0 {
            return Err(Refused::Full);
        }
        let record = Record {
            start: self.state.start,
            component: entry.component,
            client: entry.client,
            time_us: entry.time_us,
            sequence: entry.sequence,
            image: entry.image,
            manifest: entry.manifest,
            bundle: entry.bundle,
            reason: entry.reason,
            left_out: self.left_out.saturating_add(entry.left_out),
            ..Record::new(kind)
        };
        let record = self
            .log
            .append(&mut self.flash, more(record))
            .map_err(Refused::Flash)?;
        self.left_out = 0;
        self.state.follow(&record);
        Ok(record)
    }

    /// Erases what the bundle needs, and writes it. Returns its digest.
    fn write(
        &mut self,
        start: u32,
        length: u32,
        read: &mut impl FnMut(usize, &mut [u8]),
    ) -> Result<Digest, Refused> {
        let block = self.flash.geometry().block_size;
        for n in 0..length.div_ceil(block) {
            self.flash
                .erase(start + n * block)
                .map_err(Refused::Flash)?;
        }
        let mut hash = Sha256::new();
        let mut chunk = [0xff; CHUNK];
        for offset in (0..length).step_by(CHUNK) {
            let size = CHUNK.min((length - offset) as usize);
            let (used, rest) = chunk.split_at_mut(size);
            read(offset as usize, used);
            rest.fill(0xff);
            hash.update(used);
            let words = chunk.get(..size.next_multiple_of(4)).unwrap_or(&chunk);
            self.flash
                .program(start + offset, words)
                .map_err(Refused::Flash)?;
        }
        Ok(hash.finalize().into())
    }

    fn digest(&mut self, start: u32, length: u32) -> Result<Digest, FlashError> {
        self.scan(start, length, &mut |_, _| ())
    }

    /// Reads a bundle, and returns its digest.
    fn scan(
        &mut self,
        start: u32,
        length: u32,
        each: &mut impl FnMut(usize, &[u8]),
    ) -> Result<Digest, FlashError> {
        let mut hash = Sha256::new();
        let mut chunk = [0; CHUNK];
        for offset in (0..length).step_by(CHUNK) {
            let size = CHUNK.min((length - offset) as usize);
            let words = size.next_multiple_of(4);
            let (words, _) = chunk.split_at_mut(words);
            self.flash.read(start + offset, words)?;
            let used = words.get(..size).unwrap_or(words);
            hash.update(used);
            each(offset as usize, used);
        }
        Ok(hash.finalize().into())
    }
}
