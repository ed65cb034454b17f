// SPDX-License-Identifier: BSD-2-Clause
//! The technique `stand-in`: a guest works on its disk while the driver comes and goes, against a plain model of the disk.

mod common;

use common::{BASE, Rig, SECTORS};
use molt_block_queue::{OWN, Op};
use molt_disk_guest::{Answer, Asked, Guest as Driver, Kind, NOTIFY};
use molt_vmm::machine::VIRTIO;
use molt_vmm::{Next, Width};
use proptest::prelude::*;

/// Requests that the guest has in flight at the most, and sectors of one.
const DEPTH: usize = 16;
const LONGEST: u64 = 24;
const FLUSH: u64 = 1 << 9;

/// A guest.
struct Guest {
    rig: Rig,
    driver: Driver,
    /// By sector: what was written last, and was told to be.
    model: Vec<u64>,
    value: u64,
    errors: usize,
    done: usize,
}

impl Guest {
    fn new(cache: usize, log: usize, features: u64) -> Self {
        let rig = Rig::standing(cache, log);
        let mut guest = Self {
            driver: Driver::new(rig.memory, BASE, DEPTH, LONGEST),
            rig,
            model: vec![0; SECTORS as usize],
            value: 0,
            errors: 0,
            done: 0,
        };
        guest.start(features);
        guest
    }

    fn start(&mut self, features: u64) {
        for (register, value) in self.driver.start(features) {
            self.rig.set(VIRTIO + register, value);
        }
    }

    fn ask(&mut self, kind: Kind, sector: u64, sectors: u64) {
        let value = self.value + 1;
        let asked = Asked {
            kind,
            sector,
            sectors,
            value,
        };
        if !self.driver.is_free(&asked) || self.driver.ask(asked).is_none() {
            return;
        }
        self.value = value;
        self.rig.set(VIRTIO + NOTIFY, 0);
        self.collect();
    }

    /// Takes what is answered, and compares what was read.
    fn collect(&mut self) {
        while let Some(answer) = self.driver.next_answer().expect("answered once") {
            let Answer { place, asked, ok } = answer;
            self.done += 1;
            self.errors += usize::from(!ok);
            for n in (0..asked.sectors).filter(|_| ok) {
                let sector = (asked.sector + n) as usize;
                match asked.kind {
                    Kind::Write => self.model[sector] = asked.value,
                    Kind::Read => {
                        let read = self.driver.sector(place, n);
                        assert_eq!(read, Some(self.model[sector]), "sector {sector}");
                    }
                    Kind::Flush => {}
                }
            }
        }
    }

    fn read(&mut self, sector: u64, sectors: u64) {
        self.ask(Kind::Read, sector, sectors);
    }

    fn write(&mut self, sector: u64, sectors: u64) {
        self.ask(Kind::Write, sector, sectors);
    }

    fn drive(&mut self) {
        self.rig.drive();
        self.collect();
    }

    /// The driver completes only the first of what it has.
    fn one(&mut self) {
        self.rig.slow = true;
        self.drive();
        self.rig.finish_one();
        self.drive();
        self.rig.slow = false;
    }

    fn open(&mut self) {
        self.rig.open();
        self.collect();
    }

    /// The driver takes what it is given, and completes none of it yet.
    fn open_slowly(&mut self) {
        self.rig.slow = true;
        self.open();
        self.rig.slow = false;
    }

    /// The device, whose driver is away, is at rest.
    fn deny(&mut self) {
        self.rig.deny();
        self.collect();
    }

    fn waiting(&self) -> usize {
        self.driver.in_flight().count()
    }

    /// All is answered, and the disk has what the guest was told.
    fn settle(&mut self) {
        for _ in 0..200 {
            self.drive();
        }
        assert_eq!(self.waiting(), 0, "all is answered");
        for (sector, value) in (0..).zip(&self.model) {
            assert_eq!(self.rig.disk.value(sector), Some(*value), "sector {sector}");
        }
    }
}

#[test]
fn what_was_read_lately_is_read_while_the_driver_is_away() {
    let mut guest = Guest::new(0x4000, 0x1_0000, FLUSH);
    guest.write(0, 16);
    guest.drive();
    guest.read(0, 16);
    guest.drive();
    guest.rig.close();
    guest.read(3, 9);
    assert_eq!(guest.waiting(), 0, "from the cache");
    guest.read(100, 8);
    assert_eq!(guest.waiting(), 1, "never read");
    guest.read(0, 1);
    assert_eq!(guest.waiting(), 1, "served though another one waits");
    guest.open();
    guest.settle();
}

#[test]
fn what_was_written_after_it_was_read_is_not_read_from_the_cache() {
    let mut guest = Guest::new(0x4000, 0x1_0000, FLUSH);
    guest.read(0, 8);
    guest.drive();
    guest.write(2, 1);
    guest.drive();
    guest.rig.close();
    guest.read(0, 8);
    assert_eq!(guest.waiting(), 1, "the cache does not have it any more");
    guest.open();
    guest.settle();
}

#[test]
fn writes_are_logged_and_written_in_order_before_anything_else() {
    let mut guest = Guest::new(0x4000, 0x1_0000, FLUSH);
    guest.rig.close();
    guest.write(8, 4);
    guest.write(10, 4);
    guest.write(8, 1);
    assert_eq!(guest.waiting(), 0, "logged");
    guest.read(8, 6);
    assert_eq!(guest.waiting(), 0, "what was written is read");
    guest.ask(Kind::Flush, 0, 0);
    guest.read(40, 1);
    assert_eq!(guest.waiting(), 2);
    guest.rig.slow = true;
    guest.open();
    let mut order = Vec::new();
    for _ in 0..8 {
        guest.drive();
        // Which of two writes to a sector the device carries out first is its own affair, so they are not there together.
        let mut sectors: Vec<u64> = (guest.rig.taken.iter())
            .flat_map(|(_, r)| r.sector..r.sector + u64::from(r.sectors))
            .collect();
        let all = sectors.len();
        sectors.sort_unstable();
        sectors.dedup();
        assert_eq!(sectors.len(), all, "two requests for one sector");
        let taken = guest.rig.taken.iter();
        order.extend(taken.map(|(_, r)| {
            (
                r.op,
                r.sector,
                r.segments.first().is_some_and(|s| s.offset >= OWN),
            )
        }));
        guest.rig.finish();
    }
    let log = |sector| (Op::Write, sector, true);
    assert_eq!(order[..3], [log(8), log(10), log(8)]);
    assert_eq!(order[3..], [(Op::Flush, 0, false), (Op::Read, 40, false)]);
    guest.rig.slow = false;
    guest.settle();
    assert_eq!(guest.errors, 0);
}

#[test]
fn a_write_waits_where_the_log_is_full() {
    let mut guest = Guest::new(0x4000, 0x1000, FLUSH);
    guest.rig.close();
    guest.write(0, 6);
    guest.write(8, 6);
    assert_eq!(guest.waiting(), 1, "8 sectors are the log");
    guest.write(20, 1);
    assert_eq!(guest.waiting(), 2, "no write overtakes one that waits");
    guest.open();
    guest.settle();
}

#[test]
fn nothing_is_logged_for_a_guest_that_cannot_flush() {
    let mut guest = Guest::new(0x4000, 0x1_0000, 0);
    guest.rig.close();
    guest.write(0, 1);
    assert_eq!(guest.waiting(), 1);
    guest.open();
    guest.settle();
}

#[test]
fn a_driver_that_ends_while_it_writes_the_log_is_followed_by_another() {
    let mut guest = Guest::new(0x4000, 0x1_0000, FLUSH);
    guest.rig.close();
    for n in 0..8 {
        guest.write(4 * n, 6);
    }
    guest.open_slowly();
    guest.one();
    guest.rig.close();
    guest.read(10, 24);
    guest.write(1, 1);
    assert_eq!(guest.waiting(), 0, "served, and logged behind the rest");
    guest.open_slowly();
    guest.one();
    guest.rig.close();
    guest.open();
    guest.settle();
}

/// As a disk tells at the next flush what its volatile cache has lost.
#[test]
fn a_flush_tells_that_the_log_was_lost() {
    let mut guest = Guest::new(0x4000, 0x1_0000, FLUSH);
    guest.rig.close();
    guest.write(0, 1);
    guest.ask(Kind::Flush, 0, 0);
    guest.rig.refuses = true;
    guest.open();
    for _ in 0..4 {
        guest.drive();
    }
    assert_eq!((guest.waiting(), guest.errors), (0, 1));
    guest.rig.refuses = false;
    guest.ask(Kind::Flush, 0, 0);
    guest.drive();
    assert_eq!((guest.waiting(), guest.errors), (0, 1), "told once");
}

#[test]
fn the_log_outlives_a_reset_of_the_guest_s_driver() {
    let mut guest = Guest::new(0x4000, 0x1_0000, FLUSH);
    guest.rig.close();
    guest.write(0, 8);
    guest.write(4, 8);
    guest.rig.set(VIRTIO + 0x70, 0);
    guest.start(FLUSH);
    guest.read(0, 12);
    assert_eq!(guest.waiting(), 0);
    guest.rig.slow = true;
    guest.open();
    guest.rig.set(VIRTIO + 0x70, 0);
    guest.start(FLUSH);
    guest.rig.slow = false;
    guest.rig.finish();
    guest.settle();
}

/// The old generation may have carried out what it was asked for; the guest was told nothing of it yet.
#[test]
fn what_the_old_generation_has_not_answered_is_served_once_its_device_is_at_rest() {
    let mut guest = Guest::new(0x4000, 0x1_0000, FLUSH);
    guest.read(0, 8);
    guest.drive();
    guest.rig.slow = true;
    guest.read(0, 4);
    guest.write(8, 4);
    guest.read(100, 1);
    guest.ask(Kind::Flush, 0, 0);
    guest.drive();
    guest.rig.close();
    guest.rig.slow = false;
    assert_eq!(guest.waiting(), 4, "the device may still work on them");
    guest.read(0, 2);
    assert_eq!(guest.waiting(), 4, "served though others wait");
    guest.deny();
    assert_eq!(guest.waiting(), 2, "the flush, and what was never read");
    guest.read(8, 4);
    assert_eq!(guest.waiting(), 2, "the write is in the log");
    guest.open();
    guest.settle();
    assert_eq!(guest.errors, 0);
}

#[test]
fn a_device_at_rest_holds_no_reset_up() {
    const STATUS: u64 = VIRTIO + 0x70;
    let mut guest = Guest::new(0x4000, 0x1_0000, FLUSH);
    guest.rig.slow = true;
    guest.write(0, 8);
    guest.read(20, 4);
    guest.drive();
    guest.rig.close();
    let reset = guest.rig.write(STATUS, Width::Word, 0);
    assert_eq!(reset, Next::Wait, "the device may still use its memory");
    assert!(guest.rig.deny());
    guest.start(FLUSH);
    guest.write(40, 1);
    assert_eq!(guest.done, 1, "of the new life only");
}

#[test]
fn out_of_service_what_waits_fails() {
    let mut guest = Guest::new(0x4000, 0x1_0000, FLUSH);
    guest.rig.close();
    guest.write(0, 1);
    guest.ask(Kind::Flush, 0, 0);
    guest.read(100, 1);
    guest.rig.out_of_service();
    guest.collect();
    assert_eq!((guest.waiting(), guest.errors), (0, 2));
}

#[derive(Clone, Debug)]
enum Step {
    Read(u64, u64),
    Write(u64, u64),
    Flush,
    Drive,
    One,
    Close,
    Deny,
    Open,
}

fn step() -> impl Strategy<Value = Step> {
    let range = || (0..64_u64, 1..=LONGEST);
    prop_oneof![
        6 => range().prop_map(|(a, b)| Step::Read(a, b)),
        6 => range().prop_map(|(a, b)| Step::Write(a, b)),
        1 => Just(Step::Flush),
        4 => Just(Step::Drive),
        2 => Just(Step::One),
        2 => Just(Step::Close),
        2 => Just(Step::Deny),
        2 => Just(Step::Open),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// Whatever comes in between: each request is answered once and well, each read gives what was written last, and in the end the
    /// disk has it.
    #[test]
    fn the_disk_is_as_one_whose_driver_never_goes(
        steps in prop::collection::vec(step(), 0..120),
        cache in 0_usize..5,
        log in 1_usize..20,
    ) {
        let mut guest = Guest::new(cache * 0x1000, log * 0x1000, FLUSH);
        let mut there = true;
        for step in steps {
            match step {
                Step::Read(sector, sectors) => guest.read(sector, sectors),
                Step::Write(sector, sectors) => guest.write(sector, sectors),
                Step::Flush => guest.ask(Kind::Flush, 0, 0),
                Step::Drive => guest.drive(),
                Step::One => guest.one(),
                Step::Close if there => {
                    guest.rig.close();
                    there = false;
                }
                Step::Deny if !there => guest.deny(),
                Step::Open if !there => {
                    guest.open_slowly();
                    there = true;
                }
                Step::Close | Step::Deny | Step::Open => {}
            }
        }
        if !there {
            guest.open();
        }
        guest.settle();
        prop_assert_eq!(guest.errors, 0);
    }
}
