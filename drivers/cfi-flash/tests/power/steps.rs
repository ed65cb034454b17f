// SPDX-License-Identifier: BSD-2-Clause
//! What is done with a store, on a model of the flash.

use molt_cfi_flash::Bank;
use molt_cfi_flash::model::{Model, Random, Shape};
use molt_store::{Entry, Flash, Kind, Name, Place, RECORD, Record, Refused, Slots, Store};

pub const SHAPE: Shape = Shape {
    block_words: 512,
    blocks: 32,
    buffer: true,
};
pub const BLOCK: u32 = 2048;
pub const LOG: u32 = 8 * BLOCK;
/// Where the slots for lists of keys begin.
pub const LISTS: u32 = LOG + 8 * BLOCK;
pub const DISK: Name = *b"disk\0\0\0\0\0\0\0\0\0\0\0\0";
pub const OTHER: Name = *b"entropy\0\0\0\0\0\0\0\0\0";
pub const PLACES: [Place; 2] = [
    Place {
        name: DISK,
        bundles: slots(LOG, 2 * BLOCK),
        keys: slots(LISTS, BLOCK),
    },
    Place {
        name: OTHER,
        bundles: slots(LOG + 4 * BLOCK, 2 * BLOCK),
        keys: slots(LISTS + 2 * BLOCK, BLOCK),
    },
];

pub const fn slots(offset: u32, size: u32) -> Slots {
    Slots { offset, size }
}

/// What is done with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Commits the bundle with this sequence number.
    Commit(u64),
    /// The image with this sequence number failed.
    RollBack(u64),
    /// An offer was refused.
    Refuse(u64),
    /// The operator returns to the bundle with this sequence number, which was committed before. Last in its script.
    Revert(u64),
    /// The operator freezes the component.
    Freeze(u64),
    /// The list of keys with this sequence number is put in force.
    Keys(u64),
}

/// The bundle with a sequence number: two blocks, the last one not full, so that it is erased and written in several steps.
pub fn bundle(sequence: u64) -> Vec<u8> {
    let mut random = Random::new(sequence + 1000);
    (0..2501).map(|_| random.draw() as u8).collect()
}

/// The list of keys with a sequence number, as long as the longest ones.
pub fn list(sequence: u64) -> Vec<u8> {
    let mut random = Random::new(sequence + 2000);
    (0..1900).map(|_| random.draw() as u8).collect()
}

pub fn image(sequence: u64) -> [u8; 32] {
    [sequence as u8; 32]
}

pub fn entry(sequence: u64) -> Entry {
    Entry {
        component: DISK,
        client: *b"vmm_linux\0\0\0\0\0\0\0",
        time_us: sequence,
        sequence,
        image: image(sequence),
        ..Entry::default()
    }
}

pub fn open(model: &Model) -> Result<Store<impl Flash + use<>>, String> {
    let window = u64::from(SHAPE.blocks as u32) * u64::from(BLOCK);
    let bank = Bank::new(model.clone(), window, model.clock()).map_err(|e| e.to_string())?;
    Store::open(bank, LOG, &PLACES).map_err(|e| format!("{e:?}"))
}

pub fn perform(store: &mut Store<impl Flash>, step: Step) -> Result<(), Refused> {
    match step {
        Step::Commit(sequence) => {
            let bundle = bundle(sequence);
            store.commit(&entry(sequence), bundle.len() as u64, |offset, out| {
                out.copy_from_slice(&bundle[offset..offset + out.len()]);
            })
        }
        Step::RollBack(sequence) => store.record(Kind::RolledBack, &entry(sequence)),
        Step::Refuse(sequence) => store.record(Kind::Refused, &entry(sequence)),
        Step::Revert(sequence) => store.revert(&entry(sequence)),
        Step::Freeze(sequence) => store.record(Kind::Frozen, &entry(sequence)),
        Step::Keys(sequence) => {
            let list = list(sequence);
            store.exchange_keys(&entry(sequence), list.len() as u64, |offset, out| {
                out.copy_from_slice(&list[offset..offset + out.len()]);
            })
        }
    }
}

pub fn kind(step: Step) -> (Kind, u64) {
    match step {
        Step::Commit(sequence) => (Kind::Committed, sequence),
        Step::RollBack(sequence) => (Kind::RolledBack, sequence),
        Step::Refuse(sequence) => (Kind::Refused, sequence),
        Step::Revert(sequence) => (Kind::Reverted, sequence),
        Step::Freeze(sequence) => (Kind::Frozen, sequence),
        Step::Keys(sequence) => (Kind::KeysExchanged, sequence),
    }
}

/// The records on the flash, read without the store; the chain is checked.
pub fn records(model: &Model) -> Vec<Record> {
    let cells = (0..LOG as usize / RECORD).map(|cell| {
        let bytes: Vec<u8> = (0..RECORD)
            .map(|at| model.peek(cell * RECORD + at))
            .collect();
        Record::read(bytes.as_slice().try_into().unwrap())
    });
    let records: Vec<Record> = cells.flatten().collect();
    let mut previous = [0; 32];
    for record in &records {
        assert_eq!(
            record.previous, previous,
            "the chain is broken at {}",
            record.number
        );
        previous = record.digest();
    }
    records
}
