// SPDX-License-Identifier: BSD-2-Clause
//! The commands, on the store.

use core::fmt;

use heapless::Vec;
use molt_cfi_flash::Bank;
use molt_control::digest::{bytes, words};
use molt_control::store::{About, Command, Outcome, Recalled, Source, Worker};
use molt_doorbell::Reason;
use molt_store::state::Committed;
use molt_store::{Entry, Flash, FlashError, Kind, Place, Refused, Slots, Store, Unreadable};
use molt_system::{FlashBrief, FlashComponent, LOG_SIZE, MAX_COMPONENTS, SLOT_UNIT};

use crate::Driver;

/// Why there is no store.
pub enum NoStore {
    /// There is no flash that the driver knows.
    Bank(molt_cfi_flash::Error),
    /// It cannot be read, or does not fit the description.
    Flash(FlashError),
}

impl fmt::Display for NoStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bank(error) => write!(f, "no store: {error}"),
            Self::Flash(FlashError::Outside) => {
                write!(
                    f,
                    "no store: the description's slots do not fit the flash's blocks"
                )
            }
            Self::Flash(error) => write!(f, "no store: the flash cannot be read ({error:?})"),
        }
    }
}

/// Opens the store in the brief's bank.
pub fn open(brief: &FlashBrief, now: fn() -> u64) -> Result<Store<Driver>, NoStore> {
    let registers = molt_brief::registers(brief.bank, brief.bank_size);
    let bank = Bank::new(registers, brief.bank_size, now).map_err(NoStore::Bank)?;
    let place = |component: &FlashComponent| Place {
        name: component.name.0,
        bundles: Slots {
            offset: component.offset as u32,
            size: component.size as u32,
        },
        keys: Slots {
            offset: component.keys as u32,
            size: SLOT_UNIT as u32,
        },
    };
    let places: Vec<Place, MAX_COMPONENTS> = brief.components().iter().map(place).collect();
    Store::open(bank, LOG_SIZE as u32, &places).map_err(NoStore::Flash)
}

/// Why no offer can be taken.
pub fn room<F: Flash>(store: &Store<F>) -> Reason {
    match store.room() {
        Ok(()) => Reason::None,
        Err(refused) => reason(refused),
    }
}

fn reason(refused: Refused) -> Reason {
    match refused {
        Refused::Full => Reason::StoreFull,
        Refused::NoPlace => Reason::TooLarge,
        Refused::Broken | Refused::Flash(_) | Refused::Differs | Refused::NotPrepared => {
            Reason::StoreFailed
        }
    }
}

/// What is done with the content of one of `stage`'s slots.
#[derive(Clone, Copy)]
enum How {
    /// It is committed, together with so many that were prepared.
    Commit(u32),
    /// It is written, for the commit that follows.
    Prepare,
    /// It is the list of keys in force.
    Keys,
}

/// What a command needs.
pub struct Keeper<'a, F> {
    pub brief: &'static FlashBrief,
    pub store: &'a mut Store<F>,
    pub worker: &'a Worker<'static>,
}

impl<F: Flash> Keeper<'_, F> {
    /// Executes a command. Whatever is done, is durable.
    pub fn execute(&mut self, command: Command) -> Outcome {
        let result = match command {
            Command::Recall { component } => self.recall(component),
            Command::Record { kind, about } => self.record(kind, &about),
            Command::Keep {
                slot,
                length,
                others,
                about,
            } => self.keep(slot, length, &about, How::Commit(others)),
            Command::Prepare {
                slot,
                length,
                about,
            } => self.keep(slot, length, &about, How::Prepare),
            Command::RecallKeys { component } => self.recall_keys(component),
            Command::KeepKeys {
                slot,
                length,
                about,
            } => self.keep(slot, length, &about, How::Keys),
            Command::Read { cell } => self.read(cell),
            Command::Revert { about } => {
                let entry = self.entry(&about);
                entry.and_then(|entry| self.store.revert(&entry).map_err(reason))
            }
        };
        match result {
            Ok(()) => Outcome::Done,
            Err(reason) => Outcome::Failed(reason as u32),
        }
    }

    fn component(&self, index: u32) -> Result<&'static FlashComponent, Reason> {
        let component = self.brief.components().get(index as usize);
        component.ok_or(Reason::Internal)
    }

    fn entry(&self, about: &About) -> Result<Entry, Reason> {
        let client = |n: u32| self.brief.clients().get(n as usize).map(|name| name.0);
        Ok(Entry {
            component: self.component(about.component)?.name.0,
            client: about.client.and_then(client).unwrap_or_default(),
            time_us: about.time_us,
            sequence: about.sequence,
            image: bytes(about.image),
            manifest: bytes(about.manifest),
            bundle: bytes(about.bundle),
            reason: about.reason,
            left_out: about.left_out,
        })
    }

    fn record(&mut self, kind: u32, about: &About) -> Result<(), Reason> {
        let kind = Kind::from_u32(kind)
            .filter(|kind| !matches!(kind, Kind::Committed | Kind::Reverted | Kind::KeysExchanged));
        let kind = kind.ok_or(Reason::Internal)?;
        let entry = self.entry(about)?;
        self.store.record(kind, &entry).map_err(reason)
    }

    fn read(&mut self, cell: u32) -> Result<(), Reason> {
        let record = self.store.read(cell).map_err(|_| Reason::StoreFailed)?;
        let words = record.map(|record| record.words());
        self.worker.read(self.store.cells(), words);
        Ok(())
    }

    /// Keeps the bundle, or the list of keys, in one of `stage`'s slots.
    fn keep(&mut self, slot: u32, length: u64, about: &About, how: How) -> Result<(), Reason> {
        let entry = self.entry(about)?;
        let component = self.component(about.component)?;
        let inside =
            u64::from(slot) < component.bundle_slots && length <= component.bundle_slot_size;
        if !inside {
            return Err(Reason::TooLarge);
        }
        let address = component.bundles + u64::from(slot) * component.bundle_slot_size;
        let bundle = molt_brief::memory(address, component.bundle_slot_size);
        let read = |offset: usize, out: &mut [u8]| {
            // Within the slot, as `length` is.
            let _ = bundle.read(offset, out);
        };
        match how {
            How::Keys => self.store.exchange_keys(&entry, length, read),
            How::Prepare => self.store.prepare(&entry, length, read),
            How::Commit(0) => self.store.commit(&entry, length, read),
            How::Commit(others) => self.store.commit_together(&entry, others, length, read),
        }
        .map_err(reason)
    }

    /// Delivers the list of keys in force. Of one that is damaged the sequence number is told all the same.
    fn recall_keys(&mut self, component: u32) -> Result<(), Reason> {
        let name = self.component(component)?.name.0;
        let delivery = molt_brief::memory(self.brief.delivery, self.brief.delivery_size);
        let mut fits = true;
        let list = self.store.recall_keys(&name, |offset, bytes| {
            fits &= delivery.write(offset, bytes).is_some();
        });
        let known = self.store.component(&name).and_then(|c| c.keys);
        let recalled = Recalled {
            sequence: known.map_or(0, |list| list.sequence),
            length: known.map_or(0, |list| list.length),
            ..Recalled::nothing(source(&list, fits))
        };
        self.worker.recalled(&recalled, core::iter::empty());
        Ok(())
    }

    fn recall(&mut self, component: u32) -> Result<(), Reason> {
        let name = self.component(component)?.name.0;
        let delivery = molt_brief::memory(self.brief.delivery, self.brief.delivery_size);
        let mut fits = true;
        let committed = self.store.recall(&name, |offset, bytes| {
            fits &= delivery.write(offset, bytes).is_some();
        });
        let source = source(&committed, fits);
        let floor = self.store.floor(&name);
        let nothing = Recalled::nothing(source);
        let recalled = committed.map_or(nothing, |committed| Recalled {
            source,
            sequence: committed.sequence,
            floor,
            length: committed.length,
            image: words(&committed.image),
            frozen: false,
        });
        let known = self.store.component(&name);
        let frozen = known.is_some_and(|component| component.frozen);
        let failed = known.iter().flat_map(|c| &c.failed).map(words);
        let recalled = Recalled {
            floor,
            frozen,
            ..recalled
        };
        self.worker.recalled(&recalled, failed);
        Ok(())
    }
}

/// What was recalled.
fn source(found: &Result<Committed, Unreadable>, fits: bool) -> Source {
    match found {
        Ok(_) if fits => Source::Committed,
        Ok(_) | Err(Unreadable::Damaged) => Source::Damaged,
        Err(Unreadable::Nothing) => Source::Nothing,
        Err(Unreadable::Broken) => Source::Broken,
        Err(Unreadable::Flash(_)) => Source::Failed,
    }
}
