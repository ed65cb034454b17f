// SPDX-License-Identifier: BSD-2-Clause
//! The store, on a bank that may hold anything. First come pieces that are laid over the bank of a system that was in use (an offset,
//! a length, bytes), until one is empty; then operations.

use std::cell::RefCell;
use std::rc::Rc;

use molt_store::{
    Entry, Flash, FlashError, Geometry, Kind, Name, Place, RECORD, Slots, Store, Unreadable,
};

use crate::input::Input;

const BLOCK: u32 = 4096;
const BLOCKS: u32 = 14;
/// The log has two blocks.
const LOG: u32 = 2 * BLOCK;

/// A NOR flash in memory.
#[derive(Clone)]
struct Bank(Rc<RefCell<Vec<u8>>>);

impl Bank {
    fn blank() -> Self {
        Self(Rc::new(RefCell::new(vec![0xff; (BLOCK * BLOCKS) as usize])))
    }

    /// Does something with the bytes from `offset` on.
    fn at<T>(
        &self,
        offset: u32,
        length: usize,
        what: impl FnOnce(&mut [u8]) -> T,
    ) -> Result<T, FlashError> {
        let mut bytes = self.0.borrow_mut();
        let rest = bytes
            .get_mut(offset as usize..)
            .ok_or(FlashError::Outside)?;
        rest.get_mut(..length).map(what).ok_or(FlashError::Outside)
    }
}

impl Flash for Bank {
    fn geometry(&self) -> Geometry {
        Geometry {
            block_size: BLOCK,
            blocks: BLOCKS,
        }
    }

    fn read(&mut self, offset: u32, out: &mut [u8]) -> Result<(), FlashError> {
        assert!(offset.is_multiple_of(4) && out.len().is_multiple_of(4));
        self.at(offset, out.len(), |bytes| out.copy_from_slice(bytes))
    }

    fn program(&mut self, offset: u32, data: &[u8]) -> Result<(), FlashError> {
        assert!(offset.is_multiple_of(4) && data.len().is_multiple_of(4));
        self.at(offset, data.len(), |bytes| {
            let pairs = bytes.iter_mut().zip(data);
            pairs.for_each(|(byte, data)| *byte &= data);
        })
    }

    fn erase(&mut self, offset: u32) -> Result<(), FlashError> {
        assert_eq!(offset % BLOCK, 0);
        self.at(offset, BLOCK as usize, |bytes| bytes.fill(0xff))
    }

    fn flush(&mut self) -> Result<(), FlashError> {
        Ok(())
    }
}

fn name(text: &str) -> Name {
    let mut name = Name::default();
    let pairs = name.iter_mut().zip(text.bytes());
    pairs.for_each(|(to, from)| *to = from);
    name
}

fn places() -> [Place; 2] {
    // The slots for bundles come first.
    let place = |text, n: u32| Place {
        name: name(text),
        bundles: Slots {
            offset: LOG + 4 * n * BLOCK,
            size: 2 * BLOCK,
        },
        keys: Slots {
            offset: LOG + (8 + 2 * n) * BLOCK,
            size: BLOCK,
        },
    };
    [place("disk", 0), place("network", 1)]
}

fn open(bank: &Bank) -> Store<Bank> {
    Store::open(bank.clone(), LOG, &places()).expect("the bank does not fail, and the places fit")
}

fn entry(component: &str, sequence: u64) -> Entry {
    Entry {
        component: name(component),
        sequence,
        image: [sequence as u8; 32],
        ..Entry::default()
    }
}

/// The bytes of the bundle or list with this number.
fn content(sequence: u64) -> Vec<u8> {
    let length = (100 + sequence as usize % 3900) & !3;
    let bytes = (0..length).map(|n| (n as u64 * 7 + sequence) as u8);
    bytes.collect()
}

/// What is kept in two slots of a component.
#[derive(Clone, Copy)]
enum What {
    Bundle,
    Keys,
}

/// Writes one. Returns whether it was kept.
fn keep(store: &mut Store<Bank>, what: What, component: &str, sequence: u64) -> bool {
    let (content, entry) = (content(sequence), entry(component, sequence));
    let length = content.len() as u64;
    let read = |offset: usize, out: &mut [u8]| {
        out.copy_from_slice(&content[offset..offset + out.len()]);
    };
    let kept = match what {
        What::Bundle => store.commit(&entry, length, read),
        What::Keys => store.exchange_keys(&entry, length, read),
    };
    kept.is_ok()
}

/// What the store gives back for a component.
fn recall(store: &mut Store<Bank>, what: What, component: &str) -> Result<Vec<u8>, Unreadable> {
    let mut bytes = Vec::new();
    let each = |offset: usize, part: &[u8]| {
        assert_eq!(offset, bytes.len());
        bytes.extend(part);
    };
    match what {
        What::Bundle => store.recall(&name(component), each)?,
        What::Keys => store.recall_keys(&name(component), each)?,
    };
    Ok(bytes)
}

/// A system that was in use.
fn used() -> Bank {
    let bank = Bank::blank();
    for start in 1..3 {
        let mut store = open(&bank);
        let started = store.record(Kind::Started, &entry("disk", 0));
        assert_eq!(started, Ok(()));
        for what in [What::Bundle, What::Keys] {
            assert!(
                keep(&mut store, what, "disk", start)
                    && keep(&mut store, what, "network", 10 * start)
            );
        }
    }
    bank
}

pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let bank = match input.u8() % 2 {
        0 => used(),
        _ => Bank::blank(),
    };
    loop {
        let (offset, length) = (input.u16(), input.u8());
        let piece = input.bytes(length.into());
        if piece.is_empty() {
            break;
        }
        let _ = bank.at(offset.into(), piece.len(), |bytes| {
            bytes.copy_from_slice(piece)
        });
    }
    let mut store = open(&bank);
    let mut sequence = 100;
    for _ in 0..40 {
        if input.is_empty() {
            break;
        }
        let what = input.u8();
        let component = ["disk", "network", "nobody"][usize::from(what >> 4) % 3];
        let kept = [What::Bundle, What::Keys][usize::from(what >> 3 & 1)];
        match what % 8 {
            0 => {
                let before = recall(&mut store, kept, component);
                store = open(&bank);
                assert_eq!(recall(&mut store, kept, component), before, "it was kept");
            }
            1 | 2 => {
                sequence += 1 + u64::from(input.u8());
                let before = recall(&mut store, kept, component);
                let after = match keep(&mut store, kept, component, sequence) {
                    true => Ok(content(sequence)),
                    false => before,
                };
                assert_eq!(recall(&mut store, kept, component), after);
            }
            3 => drop(store.revert(&entry(component, input.u8().into()))),
            4 => drop(store.read(input.u32())),
            _ => {
                let kind = input.one_of(&Kind::ALL);
                // These name a slot, and have functions of their own.
                if !matches!(kind, Kind::Committed | Kind::Reverted | Kind::KeysExchanged) {
                    let _ = store.record(kind, &entry(component, input.u8().into()));
                }
            }
        }
        assert!(store.free() + store.cells() <= LOG / RECORD as u32);
        let _ = (store.health(), store.floor(&name(component)), store.start());
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    vec![
        vec![0, 0, 0, 0, 0, 1, 5, 0, 0x11, 9, 5, 2, 3, 0x10],
        // A bit in the log, one in a slot.
        vec![0, 0x10, 0x01, 1, 0, 0, 0, 0, 0, 1, 3],
        vec![0, 0x10, 0x21, 1, 0, 0, 0, 0, 0, 1, 3],
        vec![1, 0, 0, 0, 1, 3, 0, 1, 4, 0],
    ]
}
