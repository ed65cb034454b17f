// SPDX-License-Identifier: BSD-2-Clause
//! `molt audit`: prints the log of a flash bank, and checks that no record is missing.

use std::fs;

use anyhow::{Context, Result};
use molt_doorbell::Reason;
use molt_store::{Digest, Kind, Name, RECORD, Record};
use molt_system::LOG_SIZE;
use serde_json::{Value, json};

use crate::arguments::Audit;
use crate::output::{complain, say};
use crate::reports;

/// Runs it. Returns whether every record is there.
pub fn run(arguments: &Audit) -> Result<bool> {
    let file = &arguments.file;
    let content = fs::read(file).with_context(|| format!("{}: cannot be read", file.display()))?;
    let log = Log::read(&content);
    for record in &log.records {
        if arguments.json {
            say!("{}", as_json(record));
        } else {
            say!("{}", as_text(record));
        }
    }
    if let Some(folder) = &arguments.reports {
        let count = reports::write(&log.records, folder)?;
        if !arguments.json {
            say!("{count} report(s) in {}", folder.display());
        }
    }
    for complaint in &log.complaints {
        complain!("molt: {}: {complaint}", file.display());
    }
    if log.torn > 0 && !arguments.json {
        let torn = log.torn;
        say!("{torn} cell(s) with an unfinished record, which nobody was told of");
    }
    Ok(log.complaints.is_empty())
}

/// The log of a bank.
#[derive(Default)]
pub struct Log {
    /// Every whole record, in the order of the bank.
    pub records: Vec<Record>,
    /// Number and chain that the next record has to have.
    number: u64,
    previous: Digest,
    /// Cells that are neither blank nor a record.
    pub torn: usize,
    /// What shows that records are missing or do not follow from each other.
    pub complaints: Vec<String>,
}

impl Log {
    /// Reads the log at the beginning of a bank's content.
    pub fn read(content: &[u8]) -> Self {
        let size = content.len().min(LOG_SIZE as usize);
        let (cells, _) = content
            .get(..size)
            .unwrap_or_default()
            .as_chunks::<RECORD>();
        let mut log = Self::default();
        for (cell, bytes) in cells.iter().enumerate() {
            log.cell(cell, bytes);
        }
        log
    }

    fn cell(&mut self, cell: usize, bytes: &[u8; RECORD]) {
        let Some(record) = Record::read(bytes) else {
            self.torn += usize::from(bytes.iter().any(|byte| *byte != 0xff));
            return;
        };
        if record.number != self.number {
            self.complaints.push(format!(
                "cell {cell}: record {} follows where {} was expected: records are missing",
                record.number, self.number
            ));
        } else if record.previous != self.previous {
            self.complaints.push(format!(
                "cell {cell}: record {} does not belong to the record before it",
                record.number
            ));
        }
        self.number = record.number + 1;
        self.previous = record.digest();
        self.records.push(record);
    }
}

fn as_text(record: &Record) -> String {
    let mut text = format!(
        "{:>6}  start {:<4} {:>12.6} s  {:<14} {}",
        record.number,
        record.start,
        record.time_us as f64 / 1e6,
        kind(record),
        name(&record.component),
    );
    let mut add = |more: String| text.push_str(&format!(", {more}"));
    if record.client != [0; 16] {
        add(format!("by {}", name(&record.client)));
    }
    if record.image != [0; 32] {
        add(format!("sequence {}", record.sequence));
        add(format!("image {}", hex(&record.image, 8)));
    }
    if record.kind() == Some(Kind::Refused) && record.bundle != [0; 32] {
        add(format!("bundle {}", hex(&record.bundle, 8)));
    }
    if record.kind() == Some(Kind::KeysExchanged) {
        add(format!("list {}", record.sequence));
    }
    if let Some(Kind::Committed | Kind::KeysExchanged) = record.kind() {
        add(format!("{} bytes in slot {}", record.length, record.slot));
    }
    if record.reason != 0 {
        add(reason(record));
    }
    if record.left_out > 0 {
        add(format!(
            "{} refusal(s) before it not recorded",
            record.left_out
        ));
    }
    text
}

fn as_json(record: &Record) -> Value {
    json!({
        "number": record.number,
        "start": record.start,
        "time_us": record.time_us,
        "kind": kind(record),
        "component": name(&record.component),
        "client": name(&record.client),
        "sequence": record.sequence,
        "image": hex(&record.image, 32),
        "bundle": hex(&record.bundle, 32),
        "manifest": hex(&record.manifest, 32),
        "length": record.length,
        "slot": record.slot,
        "reason": reason(record),
        "left_out": record.left_out,
        "previous": hex(&record.previous, 32),
    })
}

fn kind(record: &Record) -> String {
    record.kind().map_or_else(
        || format!("kind {}", record.kind),
        |kind| kind.word().into(),
    )
}

fn reason(record: &Record) -> String {
    let known = Reason::from_u32(record.reason);
    known.map_or_else(|| format!("reason {}", record.reason), |r| r.word().into())
}

fn name(name: &Name) -> String {
    let used = name.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(used).into_owned()
}

fn hex(digest: &Digest, bytes: usize) -> String {
    let bytes = digest.iter().take(bytes);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use molt_store::{Entry, Flash, FlashError, Geometry, Store};

    /// A bank that is memory.
    struct Memory(Vec<u8>);

    impl Flash for Memory {
        fn geometry(&self) -> Geometry {
            Geometry {
                block_size: 4096,
                blocks: 1,
            }
        }

        fn read(&mut self, offset: u32, out: &mut [u8]) -> Result<(), FlashError> {
            out.copy_from_slice(&self.0[offset as usize..][..out.len()]);
            Ok(())
        }

        fn program(&mut self, offset: u32, data: &[u8]) -> Result<(), FlashError> {
            self.0[offset as usize..][..data.len()].copy_from_slice(data);
            Ok(())
        }

        fn erase(&mut self, _: u32) -> Result<(), FlashError> {
            Err(FlashError::Erase)
        }

        fn flush(&mut self) -> Result<(), FlashError> {
            Ok(())
        }
    }

    /// A bank with so many records.
    fn bank(records: u64) -> Vec<u8> {
        let mut store = Store::open(Memory(vec![0xff; 4096]), 4096, &[]).unwrap();
        for sequence in 0..records {
            let entry = Entry {
                sequence,
                ..Entry::default()
            };
            store.record(Kind::Offered, &entry).unwrap();
        }
        store.into_flash().0
    }

    #[test]
    fn a_log_with_every_record_has_no_complaint() {
        let log = Log::read(&bank(5));
        let sequences: Vec<_> = log.records.iter().map(|record| record.sequence).collect();
        assert_eq!(sequences, [0, 1, 2, 3, 4]);
        assert_eq!((log.torn, log.complaints.len()), (0, 0));
    }

    #[test]
    fn a_record_that_is_changed_or_left_out_or_from_another_log_is_noticed() {
        let whole = bank(5);
        let cell = |n: usize| n * RECORD..(n + 1) * RECORD;
        for place in cell(2) {
            let mut changed = whole.clone();
            changed[place] ^= 1;
            let log = Log::read(&changed);
            assert!(!log.complaints.is_empty(), "byte {place}");
        }
        let mut without = whole.clone();
        without.drain(cell(1));
        assert!(!Log::read(&without).complaints.is_empty());
        let mut other = whole;
        // A whole record with the right number, of another log.
        let mut store = Store::open(Memory(vec![0xff; 4096]), 4096, &[]).unwrap();
        for kind in [Kind::Offered, Kind::Refused, Kind::Offered] {
            store.record(kind, &Entry::default()).unwrap();
        }
        other[cell(2)].copy_from_slice(&store.into_flash().0[cell(2)]);
        assert!(!Log::read(&other).complaints.is_empty());
    }

    #[test]
    fn an_exchange_of_keys_is_told_with_the_list() {
        let mut record = Record::new(Kind::KeysExchanged);
        (record.sequence, record.length, record.slot) = (7, 300, 1);
        let text = as_text(&record);
        assert!(
            text.ends_with("keys-exchanged , list 7, 300 bytes in slot 1"),
            "{text}"
        );
    }

    #[test]
    fn an_unfinished_record_is_counted_and_no_complaint() {
        let mut content = bank(3);
        content[2 * RECORD + 100..3 * RECORD].fill(0xff);
        let log = Log::read(&content);
        assert_eq!((log.records.len(), log.torn), (2, 1));
        assert!(log.complaints.is_empty());
    }
}
