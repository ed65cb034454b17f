// SPDX-License-Identifier: BSD-2-Clause
//! What a guest knows of its disk: which values each sector can have.
//!
//! A write that has failed may have happened or not. One that has succeeded is what is read, and is on the disk when a flush has
//! succeeded that was asked later; until then, if the stand-in's log is lost, what was there before may come back. A read that was under way
//! together with a write of the same sector may give anything of it.

use molt_disk_guest::{Answer, Asked, Kind};

use crate::disk::{SECTORS, Share};

/// Values that a sector can have.
#[derive(Clone, Debug)]
struct Sector {
    /// What a read may give.
    read: Vec<u64>,
    /// What else the disk may have until the next flush.
    before: Vec<u64>,
    /// When a write was asked last and when one was answered last.
    asked: u64,
    written: u64,
}

/// The guest's knowledge.
pub struct Model {
    sectors: Vec<Sector>,
    /// Requests that were asked, and answered: the guest's time.
    events: u64,
    /// When the flush was asked that is under way.
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
            asked: 0,
            written: 0,
        };
        Self {
            sectors: vec![sector; SECTORS as usize],
            events: 0,
            flush_asked: 0,
            flushed: true,
            durable: true,
        }
    }

    fn range(&mut self, asked: &Asked) -> &mut [Sector] {
        let end = (asked.sector + asked.sectors) as usize;
        &mut self.sectors[asked.sector as usize..end]
    }

    /// The guest has asked for something. Returns when.
    pub fn asked(&mut self, asked: &Asked) -> u64 {
        self.events += 1;
        let now = self.events;
        match asked.kind {
            Kind::Read => {}
            Kind::Write => {
                self.flushed = false;
                self.range(asked).iter_mut().for_each(|s| s.asked = now);
            }
            Kind::Flush => {
                self.flushed = true;
                self.flush_asked = now;
            }
        }
        now
    }

    /// What was asked `at` that time was answered; `read(n)` is what was read into sector `n` of the request. `in_flight`: what is not
    /// answered. Returns the rule that the answer breaks.
    pub fn answered<'a>(
        &mut self,
        answer: &Answer,
        at: u64,
        read: impl Fn(u64) -> Option<u64>,
        in_flight: impl Iterator<Item = &'a Asked>,
        share: &mut Share,
    ) -> Option<&'static str> {
        self.events += 1;
        let (asked, now) = (answer.asked, self.events);
        let changing: Vec<Asked> = in_flight.copied().collect();
        let changes = |n| {
            let here = Asked {
                kind: Kind::Read,
                sector: n,
                sectors: 1,
                value: 0,
            };
            changing.iter().any(|other| other.crosses(&here))
        };
        match (asked.kind, answer.ok) {
            (Kind::Read, false) => None,
            (Kind::Read, true) => {
                let right = (0_u64..).zip(self.range(&asked)).all(|(n, sector)| {
                    if sector.asked > at || sector.written > at || changes(asked.sector + n) {
                        return true;
                    }
                    let known = |value| {
                        sector.read.contains(&value) || share.lost && sector.before.contains(&value)
                    };
                    read(n).is_some_and(known)
                });
                (!right).then_some("a guest reads what is not there")
            }
            (Kind::Write, ok) => {
                for sector in self.range(&asked) {
                    sector.written = now;
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
                self.compare(share, |n, written| {
                    written <= self.flush_asked && !changes(n)
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
