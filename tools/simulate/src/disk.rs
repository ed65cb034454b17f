// SPDX-License-Identifier: BSD-2-Clause
//! The share of the device that the VMM's guest uses: its contents, and in what order it is asked to change them.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicU64;

use molt_block_queue::{OWN, Op, Request};
use molt_disk_guest::Disk;
use molt_shared::Memory;

use crate::mutant::Mutant;

/// Sectors of the share.
pub const SECTORS: u64 = 64;

/// What generations of drivers do to it.
pub struct Share {
    pub disk: Disk,
    /// The guest's memory, and the region of its VMM's queue.
    pub memory: Memory,
    pub region: &'static [AtomicU64],
    /// Writes that the guest was told of while the driver was away, by their values, until a driver has answered for them.
    pub logged: BTreeSet<u64>,
    /// What the guest has asked while the driver is away, or was the last time, and is not answered: which data it has in the guest's
    /// memory, or that it is a flush. A driver must not be asked for it before the log.
    pub behind: BTreeSet<Option<u64>>,
    /// Records that a driver has refused or the VMM has given up: a read may give what was there before.
    pub lost: bool,
    /// Requests that generations have answered with an error.
    pub failed: u64,
    /// Records that generations have written.
    pub records: u64,
    /// The value of the record that the generation has taken last, and the records that it has not answered.
    last: u64,
    under_way: Vec<Request>,
    /// A mutant's: a record that is written once more.
    again: Option<(Request, Vec<u64>)>,
    pub broken: Option<&'static str>,
    mutant: Option<Mutant>,
}

/// Whether the request writes a record of the stand-in's log.
pub fn is_record(request: &Request) -> bool {
    let mut segments = request.segments.iter();
    segments.any(|segment| segment.offset >= OWN)
}

impl Share {
    pub fn new(memory: Memory, region: &'static [AtomicU64], mutant: Option<Mutant>) -> Self {
        Self {
            disk: Disk::new(SECTORS),
            memory,
            region,
            logged: BTreeSet::new(),
            behind: BTreeSet::new(),
            lost: false,
            failed: 0,
            records: 0,
            last: 0,
            under_way: Vec::new(),
            again: None,
            broken: None,
            mutant,
        }
    }

    /// Another generation drives the device.
    pub fn begin(&mut self) {
        self.last = 0;
        self.under_way.clear();
    }

    /// A generation has taken a request.
    pub fn taken(&mut self, request: &Request) {
        if !is_record(request) {
            let data = request.segments.first().map(|segment| segment.offset);
            if self.behind.contains(&data) && !self.logged.is_empty() {
                self.broken = Some("asked for something before the log");
            }
            return;
        }
        let value = self.value(request);
        let end = request.sector + u64::from(request.sectors);
        let crosses = |other: &Request| {
            other.sector < end && request.sector < other.sector + u64::from(other.sectors)
        };
        if value <= self.last || self.under_way.iter().any(crosses) {
            self.broken = Some("the log is written out of order");
        }
        self.last = value;
        self.under_way.push(request.clone());
    }

    /// A generation completes a request, if it is to be carried out. Returns whether it was.
    pub fn complete(&mut self, request: &Request, carries_out: bool) -> bool {
        let record = is_record(request);
        let forgets = record && self.mutant == Some(Mutant::ForgetsLog);
        let value = if record { self.value(request) } else { 0 };
        let region = self.region;
        let done = carries_out
            && (forgets || {
                let done = self.disk.carry_out(request, self.memory, region);
                done.is_some()
            });
        if record {
            self.under_way
                .retain(|other| other.sector != request.sector);
            self.logged.remove(&value);
            self.records += u64::from(done);
            self.lost |= !done;
        }
        if self.mutant == Some(Mutant::WritesLogTwice) {
            self.write_again(request, value);
        }
        done
    }

    /// The value that a record has, by its first word.
    fn value(&self, request: &Request) -> u64 {
        let offset = request.segments.first().map_or(0, |s| s.offset & !OWN);
        let word = self.region.get(offset as usize / 8);
        word.map_or(0, |word| word.load(std::sync::atomic::Ordering::Relaxed))
    }

    /// A mutant's: the first record is written again behind a later write of the guest's.
    fn write_again(&mut self, request: &Request, value: u64) {
        if is_record(request) {
            self.again
                .get_or_insert_with(|| (request.clone(), vec![value; 64]));
        } else if request.op == Op::Write
            && let Some((again, data)) = self.again.take()
        {
            let sector: Vec<AtomicU64> = data.into_iter().map(AtomicU64::new).collect();
            let mut one = again;
            one.sectors = 1;
            one.segments.truncate(1);
            if let Some(segment) = one.segments.first_mut() {
                (segment.offset, segment.len) = (OWN, 512);
            }
            self.disk.carry_out(&one, self.memory, &sector);
        }
    }
}
