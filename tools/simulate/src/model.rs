// SPDX-License-Identifier: BSD-2-Clause
//! What a guest knows of its disk: which values each sector can have.
//!
//! A write that has failed may have happened or not. One that has succeeded is what is read, and is on the disk when a flush has
//! succeeded that was asked later; until then, if the stand-in's log is lost, what was there before may come back.

use molt_disk_guest::{Answer, Asked, Kind};

use crate::disk::{SECTORS, Share};

/// Values that a sector can have.
#[derive(Clone, Debug)]
struct Sector {
    /// What a read may give.
    read: Vec<u64>,
    /// What else the disk may have until the next flush.
    before: Vec<u64>,
    /// When a write was answered last, as a count of answers.
    written: u64,
}

/// The guest's knowledge.
pub struct Model {
    sectors: Vec<Sector>,
    answers: u64,
    /// The count of answers when the flush was asked that is under way.
    flush_asked: u64,
    /// No write was asked since the last flush.
    pub flushed: bool,
    /// The last flush has succeeded.
    durable: bool,
}

fn add(values: &mut Vec<u64>, more: &[u64]) {
    for value in more {
        if !values.contains(value) {
            values.push(*value);
        }
    }
}

impl Model {
    pub fn new() -> Self {
        let sector = Sector {
            read: vec![0],
            before: Vec::new(),
            written: 0,
        };
        Self {
            sectors: vec![sector; SECTORS as usize],
            answers: 0,
            flush_asked: 0,
            flushed: true,
            durable: true,
        }
    }

    fn range(&mut self, asked: &Asked) -> &mut [Sector] {
        let end = (asked.sector + asked.sectors) as usize;
        &mut self.sectors[asked.sector as usize..end]
    }

    /// The guest has asked for something.
    pub fn asked(&mut self, asked: &Asked) {
        match asked.kind {
            Kind::Read => {}
            Kind::Write => self.flushed = false,
            Kind::Flush => {
                self.flushed = true;
                self.flush_asked = self.answers;
            }
        }
    }

    /// It was answered; `read(n)` is what was read into sector `n` of the request. `in_flight`: what is not answered. Returns the rule
    /// that the answer breaks.
    pub fn answered<'a>(
        &mut self,
        answer: &Answer,
        read: impl Fn(u64) -> Option<u64>,
        in_flight: impl Iterator<Item = &'a Asked>,
        share: &mut Share,
    ) -> Option<&'static str> {
        self.answers += 1;
        let (asked, answers) = (answer.asked, self.answers);
        match (asked.kind, answer.ok) {
            (Kind::Read, false) => None,
            (Kind::Read, true) => {
                let right = (0_u64..).zip(self.range(&asked)).all(|(n, sector)| {
                    let known = |value| {
                        sector.read.contains(&value) || share.lost && sector.before.contains(&value)
                    };
                    read(n).is_some_and(known)
                });
                (!right).then_some("a guest reads what is not there")
            }
            (Kind::Write, ok) => {
                for sector in self.range(&asked) {
                    sector.written = answers;
                    if ok {
                        let read = std::mem::replace(&mut sector.read, vec![asked.value]);
                        add(&mut sector.before, &read);
                    } else {
                        add(&mut sector.read, &[asked.value]);
                    }
                }
                None
            }
            (Kind::Flush, false) => {
                // Told once: whatever was written since the last flush may be lost.
                share.lost = false;
                self.durable = false;
                for sector in &mut self.sectors {
                    let before = sector.before.clone();
                    add(&mut sector.read, &before);
                }
                None
            }
            (Kind::Flush, true) => {
                self.durable = true;
                let changing: Vec<Asked> = in_flight.copied().collect();
                self.compare(share, |n, written| {
                    let here = Asked {
                        kind: Kind::Read,
                        sector: n,
                        sectors: 1,
                        value: 0,
                    };
                    written <= self.flush_asked && !changing.iter().any(|a| a.crosses(&here))
                })
                .err()
                .or_else(|| {
                    let asked = self.flush_asked;
                    let settled = self.sectors.iter_mut().filter(|s| s.written <= asked);
                    settled.for_each(|sector| sector.before.clear());
                    None
                })
            }
        }
    }

    /// The disk has what was told, where `which(sector, written)`.
    fn compare(&self, share: &Share, which: impl Fn(u64, u64) -> bool) -> Result<(), &'static str> {
        let mut sectors = (0_u64..).zip(&self.sectors);
        let right = sectors.all(|(n, sector)| {
            let there = share.disk.value(n);
            !which(n, sector.written) || there.is_some_and(|value| sector.read.contains(&value))
        });
        right
            .then_some(())
            .ok_or("a flush has succeeded, and the disk has something else")
    }

    /// At the end, when all is answered.
    pub fn end(&self, share: &Share) -> Result<(), &'static str> {
        match self.durable && self.flushed {
            true => self.compare(share, |_, _| true),
            false => Ok(()),
        }
    }
}
