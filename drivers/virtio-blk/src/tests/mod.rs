// SPDX-License-Identifier: BSD-2-Clause
//! The driver with the fake device and real queues.

use std::sync::atomic::AtomicU64;

use molt_block::{Client, Command, Device, Driver, Error as Fatal, Progress, Ring, Service, Share};
use molt_block_queue::{Op, Request, Segment, Server, Status, layout};
use molt_shared::Memory;

use crate::fake::{Fake, RAM, RING};
use crate::*;

mod random;

fn words(count: usize) -> &'static [AtomicU64] {
    let words: Vec<AtomicU64> = (0..count)
        .map(|_| AtomicU64::new(0x5555_5555_5555_5555))
        .collect();
    words.leak()
}

fn ring() -> (Memory, Ring<'static>) {
    let words = words(RING_BYTES / 8);
    (
        Memory::of(words),
        Ring {
            words,
            physical: RING,
        },
    )
}

/// One device, one driver, two clients with 100 sectors and 0x8000 bytes of memory each.
struct Machine {
    fake: Fake,
    driver: Driver<'static, Disk<'static, Fake>>,
    /// In a vector: their private records are too large for the stack.
    clients: Vec<molt_block_queue::Client<'static>>,
    queues: [&'static [AtomicU64]; 2],
}

impl Machine {
    fn new() -> Self {
        Self::with(|_| ())
    }

    fn with(change: impl FnOnce(&mut fake::State)) -> Self {
        let (memory, ring) = ring();
        let fake = Fake::new(memory);
        change(&mut fake.set());
        let disk = Disk::start(fake.clone(), None, ring).unwrap();
        let mut driver = Driver::new(disk, 16);
        let queues = [words(layout::WORDS), words(layout::WORDS)];
        let clients = queues
            .iter()
            .map(|queue| molt_block_queue::Client::new(queue))
            .collect();
        for (n, queue) in queues.into_iter().enumerate() {
            let server = Server::new(queue, 0);
            driver.attach(Client::new(server, share(n as u64))).unwrap();
        }
        assert_eq!(driver.ready(), Ok(true));
        let mut machine = Self {
            fake,
            driver,
            clients,
            queues,
        };
        machine.clients[0].resume(0);
        machine.clients[1].resume(0);
        machine
    }

    fn ask(&mut self, client: usize, request: &Request) -> molt_block_queue::Token {
        self.clients[client].submit(request).unwrap()
    }

    /// Everything until nothing moves; the answers of a client in order.
    fn settle(&mut self, client: usize) -> Vec<Status> {
        loop {
            let pumped = self.driver.pump().unwrap();
            self.fake.finish_all();
            let done = self.driver.interrupt().unwrap();
            if pumped == Progress::default() && done == Progress::default() {
                break;
            }
        }
        let poll = || self.clients[client].poll();
        std::iter::from_fn(poll)
            .map(|answer| answer.unwrap().1)
            .collect()
    }
}

fn share(n: u64) -> Share {
    Share {
        first_sector: 100 * n,
        sectors: 100,
        memory: RAM + 0x8000 * n,
        memory_size: 0x8000,
        queue: 0,
        queue_size: 0,
    }
}

fn request(op: Op, sector: u64, segments: &[(u64, u32)]) -> Request {
    let total: u32 = segments.iter().map(|segment| segment.1).sum();
    let segments = segments.iter().map(|(offset, len)| Segment {
        offset: *offset,
        len: *len,
    });
    Request {
        op,
        sector,
        sectors: total / 512,
        segments: segments.collect(),
    }
}

fn ranged(op: Op, sector: u64, sectors: u32) -> Request {
    Request {
        op,
        sector,
        sectors,
        segments: Default::default(),
    }
}

#[test]
fn what_is_written_is_read_back_in_the_clients_share() {
    let mut machine = Machine::new();
    machine.fake.set().ram[0x8000..0x8400].fill(7);
    machine.ask(
        1,
        &request(Op::Write, 3, &[(0, 100), (200, 412), (0x200, 512)]),
    );
    assert_eq!(machine.settle(1), [Status::Ok]);
    let at = 103 * 512;
    assert!(
        machine.fake.get().disk[at..at + 1024]
            .iter()
            .all(|byte| *byte == 7)
    );
    assert_eq!(
        machine
            .fake
            .get()
            .disk
            .iter()
            .filter(|byte| **byte != 0)
            .count(),
        1024
    );
    machine.ask(1, &request(Op::Read, 3, &[(0x4000, 512)]));
    assert_eq!(machine.settle(1), [Status::Ok]);
    assert!(
        machine.fake.get().ram[0xc000..0xc200]
            .iter()
            .all(|byte| *byte == 7)
    );
    machine.ask(1, &ranged(Op::WriteZeroes, 3, 1));
    machine.ask(1, &ranged(Op::Discard, 4, 1));
    assert_eq!(machine.settle(1), [Status::Ok, Status::Ok]);
    assert!(machine.fake.get().disk.iter().all(|byte| *byte == 0));
}

#[test]
fn features_are_agreed_and_told() {
    let machine = Machine::new();
    let all = Features::all().difference(Features::RO | Features::SIZE_MAX);
    assert_eq!(
        machine.fake.get().accepted,
        all.bits(),
        "nothing that it does not know"
    );
    assert_eq!(machine.fake.get().status, 15);
    let properties = machine.clients[0].properties().unwrap();
    assert!(properties.flush && !properties.read_only);
    assert_eq!(properties.max_discard_sectors, 1000);
    assert_eq!(properties.max_write_zeroes_sectors, 500);
}

#[test]
fn devices_that_are_not_for_us() {
    type Change = fn(&mut fake::State);
    let cases: [(Change, Error); 8] = [
        (|state| state.magic = 1, Error::NoDevice(1)),
        (|state| state.version = 1, Error::Version(1)),
        (|state| state.id = 0, Error::DeviceId(0)),
        (
            |state| (state.resets, state.status) = (false, 15),
            Error::Reset,
        ),
        (|state| state.offered &= !(1 << 32), Error::Features),
        (|state| state.accepts = false, Error::Features),
        (|state| state.seg_max = 0, Error::Segments(0)),
        (|state| state.queue_max = 0, Error::Queue),
    ];
    for (change, error) in cases {
        let (memory, ring) = ring();
        let fake = Fake::new(memory);
        change(&mut fake.set());
        assert_eq!(Disk::start(fake, None, ring).err(), Some(error));
    }
    let (memory, _) = ring();
    let short = Ring {
        words: words(RING_BYTES / 8 - 1),
        physical: RING,
    };
    assert_eq!(
        Disk::start(Fake::new(memory), None, short).err(),
        Some(Error::Memory)
    );
}

#[test]
fn a_configuration_that_changes_is_read_again() {
    let (memory, ring) = ring();
    let fake = Fake::new(memory);
    fake.set().config_changes = 3;
    assert!(Disk::start(fake.clone(), None, ring).is_ok());
    fake.set().config_changes = 1000;
    assert_eq!(Disk::start(fake, None, ring).err(), Some(Error::Config));
}

#[test]
fn all_clients_are_in_flight_at_once_and_in_turn() {
    let mut machine = Machine::new();
    for sector in 0..64 {
        machine.ask(0, &request(Op::Write, sector, &[(0, 512)]));
    }
    for sector in 0..4 {
        machine.ask(1, &request(Op::Write, sector, &[(0, 512)]));
    }
    let progress = machine.driver.pump().unwrap();
    assert_eq!((progress.submitted, machine.driver.in_flight()), (68, 68));
    let first: Vec<u64> = machine
        .fake
        .get()
        .pending
        .iter()
        .take(8)
        .map(|found| found.sector)
        .collect();
    assert_eq!(first, [0, 100, 1, 101, 2, 102, 3, 103]);
    assert_eq!(
        machine.fake.get().notifications,
        5,
        "after each 16 and at the end"
    );
    // Done in any order.
    for n in [67, 5, 0, 30] {
        machine.fake.finish(n);
    }
    let progress = machine.driver.interrupt().unwrap();
    assert_eq!(
        (progress.completed, progress.errors, progress.notify),
        (4, 0, 3)
    );
    assert_eq!(machine.driver.in_flight(), 64);
    assert_eq!(machine.fake.get().isr, 0, "acknowledged");
    assert_eq!(machine.settle(1).len(), 4);
    assert_eq!(machine.settle(0).len(), 64);
}

#[test]
fn a_device_without_indirect_descriptors() {
    let mut machine = Machine::with(|state| state.offered &= !Features::INDIRECT.bits());
    let segments: Vec<(u64, u32)> = (0..16).map(|n| (n * 512, 512)).collect();
    for round in 0..40 {
        machine.fake.set().ram[..0x2000].fill(round + 1);
        for _ in 0..10 {
            machine.ask(0, &request(Op::Write, 0, &segments));
        }
        assert_eq!(
            machine.driver.pump().unwrap().submitted,
            3,
            "128 / (34 + 2)"
        );
        machine.fake.finish(1);
        machine.driver.interrupt().unwrap();
        assert_eq!(machine.settle(0).len(), 10);
        assert!(
            machine.fake.get().disk[..0x2000]
                .iter()
                .all(|byte| *byte == round + 1)
        );
    }
}

#[test]
fn requests_that_never_reach_the_device() {
    let mut machine = Machine::new();
    for outside in [
        request(Op::Read, 100, &[(0, 512)]),
        request(Op::Read, 99, &[(0, 1024)]),
        request(Op::Write, u64::MAX - 1, &[(0, 512)]),
        request(Op::Read, 0, &[(0x7fff, 512)]),
        request(Op::Read, 0, &[(u64::MAX - 1024, 512)]),
        ranged(Op::Discard, 0, 101),
    ] {
        machine.ask(0, &outside);
        assert_eq!(machine.settle(0), [Status::IoError], "{outside:?}");
    }
    assert_eq!(machine.fake.get().notifications, 0);
    let mut plain = Machine::with(|state| {
        state.offered = (Features::VERSION_1 | Features::INDIRECT | Features::RO).bits();
    });
    for (asked, answer) in [
        (ranged(Op::Discard, 0, 1), Status::Unsupported),
        (ranged(Op::WriteZeroes, 0, 1), Status::Unsupported),
        (request(Op::Write, 0, &[(0, 512)]), Status::IoError),
        (Request::flush(), Status::Ok),
    ] {
        plain.ask(0, &asked);
        assert_eq!(plain.settle(0), [answer], "{asked:?}");
    }
    assert_eq!(plain.fake.get().notifications, 0);
}

#[test]
fn a_flush_is_not_overtaken_and_overtakes_nothing() {
    let mut machine = Machine::new();
    let write = |sector| request(Op::Write, sector, &[(0, 512)]);
    machine.ask(0, &write(1));
    machine.ask(0, &write(2));
    machine.ask(0, &Request::flush());
    machine.ask(0, &write(3));
    machine.ask(1, &write(9));
    let kinds = |machine: &Machine| -> Vec<(u32, u64)> {
        let state = machine.fake.get();
        state
            .pending
            .iter()
            .map(|found| (found.kind, found.sector))
            .collect()
    };
    machine.driver.pump().unwrap();
    assert_eq!(
        kinds(&machine),
        [(1, 1), (1, 109), (1, 2)],
        "the flush waits, others do not"
    );
    machine.fake.finish(0);
    machine.driver.interrupt().unwrap();
    machine.driver.pump().unwrap();
    assert_eq!(
        kinds(&machine),
        [(1, 109), (1, 2)],
        "one write is still out"
    );
    machine.fake.finish(1);
    machine.driver.interrupt().unwrap();
    machine.driver.pump().unwrap();
    assert_eq!(kinds(&machine), [(1, 109), (4, 0)], "alone of its client");
    machine.fake.finish(1);
    machine.driver.interrupt().unwrap();
    machine.driver.pump().unwrap();
    assert_eq!(kinds(&machine), [(1, 109), (1, 3)]);
}

#[test]
fn errors_are_passed_on() {
    let mut machine = Machine::new();
    for (status, answer) in [
        (0, Status::Ok),
        (1, Status::IoError),
        (2, Status::Unsupported),
        (0xff, Status::IoError),
        (77, Status::IoError),
    ] {
        machine.ask(0, &request(Op::Read, 0, &[(0, 512)]));
        machine.driver.pump().unwrap();
        machine.fake.answer(0, status);
        let progress = machine.driver.interrupt().unwrap();
        assert_eq!(progress.errors, u32::from(answer != Status::Ok));
        assert_eq!(machine.clients[0].poll().unwrap().unwrap().1, answer);
    }
}

#[test]
fn a_device_that_misbehaves_is_an_error() {
    let spoilt = |spoil: fn(&mut fake::State)| {
        let mut machine = Machine::new();
        machine.ask(0, &request(Op::Read, 0, &[(0, 512)]));
        machine.driver.pump().unwrap();
        spoil(&mut machine.fake.set());
        let error = machine.driver.interrupt().err();
        assert!(
            machine.clients[0].poll().is_none(),
            "nothing is completed by it"
        );
        error
    };
    assert_eq!(
        spoilt(|state| state.push_used(1)),
        Some(Fatal::Device(Error::UsedId(1)))
    );
    assert_eq!(
        spoilt(|state| state.push_used(128)),
        Some(Fatal::Device(Error::UsedId(128)))
    );
    assert_eq!(
        spoilt(|state| state.push_used(u32::MAX)),
        Some(Fatal::Device(Error::UsedId(u32::MAX)))
    );
    assert_eq!(
        spoilt(|state| state.move_used(2)),
        Some(Fatal::Device(Error::UsedIndex(2)))
    );
    assert_eq!(
        spoilt(|state| state.move_used(u16::MAX)),
        Some(Fatal::Device(Error::UsedIndex(u16::MAX)))
    );
    let needs_reset = |state: &mut fake::State| (state.isr, state.status) = (2, 79);
    assert_eq!(spoilt(needs_reset), Some(Fatal::Device(Error::NeedsReset)));
}

#[test]
fn one_used_twice_is_an_error() {
    let mut machine = Machine::new();
    for _ in 0..2 {
        machine.ask(0, &request(Op::Read, 0, &[(0, 512)]));
    }
    machine.driver.pump().unwrap();
    machine.fake.finish(0);
    machine.fake.set().push_used(0);
    assert_eq!(
        machine.driver.interrupt(),
        Err(Fatal::Device(Error::UsedId(0)))
    );
}

#[test]
fn a_client_that_breaks_the_protocol_hurts_only_itself() {
    let mut machine = Machine::new();
    machine.ask(0, &request(Op::Read, 0, &[(0, 512)]));
    machine.ask(1, &request(Op::Read, 0, &[(0, 512)]));
    machine.queues[0][layout::SUBMITTED].store(500, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(machine.settle(1), [Status::Ok]);
    assert_eq!(
        machine.driver.clients()[0].violation(),
        Some(molt_block_queue::Violation::Index)
    );
    assert_eq!(machine.driver.clients()[1].violation(), None);
}

#[test]
fn quiesced_it_finishes_what_is_out_and_takes_nothing() {
    let mut machine = Machine::new();
    machine.ask(0, &request(Op::Write, 0, &[(0, 512)]));
    machine.ask(0, &Request::flush());
    machine.driver.pump().unwrap();
    machine.driver.set_taking(false);
    machine.ask(0, &request(Op::Write, 1, &[(0, 512)]));
    assert_eq!(machine.settle(0), [Status::Ok]);
    assert_eq!(
        (machine.driver.in_flight(), machine.clients[0].owed()),
        (0, 2)
    );
    machine.driver.stop().unwrap();
    // The next generation does the rest.
    let words = words(RING_BYTES / 8);
    machine.fake.set().ring = Memory::of(words);
    let ring = Ring {
        words,
        physical: RING,
    };
    let mut next = Driver::new(Disk::start(machine.fake.clone(), None, ring).unwrap(), 64);
    next.attach(Client::new(Server::new(machine.queues[0], 1), share(0)))
        .unwrap();
    assert_eq!(next.ready(), Ok(true));
    machine.clients[0].resume(1);
    machine.driver = next;
    assert_eq!(machine.settle(0), [Status::Ok, Status::Ok]);
}

#[test]
fn indices_of_the_ring_wrap() {
    let mut machine = Machine::new();
    for n in 0..70_000 / 64 {
        for _ in 0..64 {
            machine.ask(n % 2, &request(Op::Read, 0, &[(0, 512)]));
        }
        assert_eq!(machine.settle(n % 2).len(), 64);
    }
}

#[test]
fn a_device_that_answers_at_once_does_not_interrupt() {
    let mut machine = Machine::with(|state| state.at_once = true);
    machine.ask(0, &request(Op::Read, 0, &[(0, 512)]));
    let progress = machine.driver.pump().unwrap();
    assert_eq!((progress.submitted, progress.completed), (1, 1));
    assert_eq!(machine.fake.get().isr, 0);
    machine.fake.set().at_once = false;
    machine.ask(0, &request(Op::Read, 0, &[(0, 512)]));
    machine.driver.pump().unwrap();
    machine.fake.finish_all();
    assert_eq!(
        machine.fake.get().isr,
        1,
        "a driver that waits wants to be interrupted"
    );
}

#[test]
fn what_was_done_before_the_wish_for_an_interrupt_is_seen() {
    let (memory, ring) = ring();
    let fake = Fake::new(memory);
    let mut disk = Disk::start(fake.clone(), None, ring).unwrap();
    let flush = Command::default();
    disk.submit(&flush).unwrap();
    disk.tell();
    disk.disarm();
    assert!(!disk.arm());
    disk.disarm();
    fake.finish_all();
    assert_eq!(fake.get().isr, 0);
    assert!(disk.arm());
}
