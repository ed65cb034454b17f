// SPDX-License-Identifier: BSD-2-Clause
//! The driver with the fake controller and real queues.

use std::sync::atomic::AtomicU64;

use molt_block::{Client, Driver, Error as Fatal, Progress, Ring, Service, Share};
use molt_block_queue::{Op, Request, Segment, Server, Status, layout};
use molt_shared::Memory;

use crate::fake::{CardState, Fake, RAM, RING};
use crate::registers::{CLOCK, capability, clock, interrupt, present};
use crate::*;

mod start;

fn words(count: usize) -> &'static [AtomicU64] {
    let words: Vec<AtomicU64> = (0..count).map(|_| AtomicU64::new(0x55)).collect();
    words.leak()
}

fn ring() -> (Memory, Ring<'static>) {
    let words = words(RING_BYTES / 8);
    let ring = Ring {
        words,
        physical: RING,
    };
    (Memory::of(words), ring)
}

fn no_pause(_: u32) {}

fn fake(change: impl FnOnce(&mut fake::State)) -> (Fake, Ring<'static>) {
    let (memory, ring) = ring();
    let fake = Fake::new(memory);
    change(&mut fake.set());
    (fake, ring)
}

/// One card, one driver, two clients with 100 sectors and 0x1_0000 bytes of memory each.
struct Machine {
    fake: Fake,
    driver: Driver<'static, Disk<'static, Fake>>,
    /// In a vector: their private records are too large for the stack.
    clients: Vec<molt_block_queue::Client<'static>>,
}

impl Machine {
    fn with(change: impl FnOnce(&mut fake::State)) -> Self {
        let (fake, ring) = fake(change);
        let disk = Disk::start(fake.clone(), ring, Width::Four, no_pause).unwrap();
        let mut driver = Driver::new(disk, 1);
        let queues = [words(layout::WORDS), words(layout::WORDS)];
        for (n, queue) in queues.into_iter().enumerate() {
            let share = Share {
                first_sector: 100 * n as u64,
                sectors: 100,
                memory: RAM + 0x1_0000 * n as u64,
                memory_size: 0x1_0000,
                queue: 0,
                queue_size: 0,
            };
            let client = Client::new(Server::new(queue, 0), share);
            driver.attach(client).unwrap();
        }
        while !driver.ready().unwrap() {
            assert!(fake.finish(), "the start has come to a halt");
            driver.interrupt().unwrap();
        }
        let clients = queues
            .iter()
            .map(|queue| molt_block_queue::Client::new(queue));
        let mut clients: Vec<_> = clients.collect();
        clients.iter_mut().for_each(|client| client.resume(0));
        fake.set().log.clear();
        Self {
            fake,
            driver,
            clients,
        }
    }

    fn new() -> Self {
        Self::with(|_| ())
    }

    fn ask(&mut self, client: usize, request: &Request) {
        self.clients[client].submit(request).unwrap();
    }

    /// Everything until nothing moves; the answers of a client in order.
    fn settle(&mut self, client: usize) -> Vec<Status> {
        loop {
            let pumped = self.driver.pump().unwrap();
            let moved = self.fake.finish();
            let done = self.driver.interrupt().unwrap();
            if pumped == Progress::default() && done == Progress::default() && !moved {
                break;
            }
        }
        assert!(!self.fake.interrupts(), "the line is down");
        let poll = || self.clients[client].poll();
        std::iter::from_fn(poll)
            .map(|answer| answer.unwrap().1)
            .collect()
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

#[test]
fn what_is_written_is_read_back_in_the_clients_share() {
    for (by_sector, wide) in [(true, true), (true, false), (false, true)] {
        let mut machine = Machine::with(|state| {
            state.by_sector = by_sector;
            if !wide {
                state.capabilities &= !capability::ADDRESS_64;
            }
        });
        machine.fake.set().ram[0x1_0000..0x1_0400].fill(7);
        machine.ask(
            1,
            &request(Op::Write, 3, &[(0, 104), (200, 408), (0x200, 512)]),
        );
        assert_eq!(machine.settle(1), [Status::Ok]);
        let at = 103 * 512;
        assert!(
            machine.fake.get().disk[at..at + 1024]
                .iter()
                .all(|byte| *byte == 7)
        );
        let written = machine
            .fake
            .get()
            .disk
            .iter()
            .filter(|byte| **byte != 0)
            .count();
        assert_eq!(written, 1024);
        machine.ask(1, &request(Op::Read, 3, &[(0x4000, 512)]));
        assert_eq!(machine.settle(1), [Status::Ok]);
        assert!(
            machine.fake.get().ram[0x1_4000..0x1_4200]
                .iter()
                .all(|byte| *byte == 7)
        );
        let unit = if by_sector { 1 } else { 512 };
        assert_eq!(machine.fake.get().log, [(25, 103 * unit), (17, 103 * unit)]);
    }
}

#[test]
fn a_long_segment_has_several_descriptors() {
    let mut machine = Machine::with(|state| state.ram = vec![9; 0x20_0000]);
    // Behind the clients' backs: a share of more memory.
    let queue = words(layout::WORDS);
    let share = Share {
        first_sector: 0,
        sectors: 2048,
        memory: RAM,
        memory_size: 0x20_0000,
        queue: 0,
        queue_size: 0,
    };
    let (memory, ring) = ring();
    machine.fake.set().ring = memory;
    let disk = Disk::start(machine.fake.clone(), ring, Width::One, no_pause).unwrap();
    machine.driver = Driver::new(disk, 1);
    machine
        .driver
        .attach(Client::new(Server::new(queue, 0), share))
        .unwrap();
    while !machine.driver.ready().unwrap() {
        machine.fake.finish();
        machine.driver.interrupt().unwrap();
    }
    machine.clients[0] = molt_block_queue::Client::new(queue);
    machine.clients[0].resume(0);
    // One byte more than a descriptor holds, and exactly as much.
    machine.ask(
        0,
        &request(Op::Write, 0, &[(8, 0x1_0008), (0, 0x1_0000), (0x10, 0x1f8)]),
    );
    assert_eq!(machine.settle(0), [Status::Ok]);
    assert_eq!(
        machine
            .fake
            .get()
            .disk
            .iter()
            .filter(|byte| **byte == 9)
            .count(),
        0x2_0200
    );
}

#[test]
fn one_command_at_a_time_and_clients_in_turn() {
    let mut machine = Machine::new();
    for sector in 0..3 {
        machine.ask(0, &request(Op::Read, sector, &[(0, 512)]));
        machine.ask(1, &request(Op::Read, sector, &[(0, 512)]));
    }
    assert_eq!(machine.driver.pump().unwrap().submitted, 1);
    assert_eq!(
        (
            machine.driver.pump().unwrap().submitted,
            machine.driver.in_flight()
        ),
        (0, 1)
    );
    assert_eq!(machine.settle(0), [Status::Ok; 3]);
    assert_eq!(machine.settle(1), [Status::Ok; 3]);
    let sectors: Vec<u32> = machine
        .fake
        .get()
        .log
        .iter()
        .map(|command| command.1)
        .collect();
    assert_eq!(sectors, [0, 100, 1, 101, 2, 102]);
}

#[test]
fn a_flush_asks_the_card_after_all_writes_before_it() {
    let mut machine = Machine::new();
    machine.ask(0, &request(Op::Write, 0, &[(0, 512)]));
    machine.ask(0, &Request::flush());
    machine.ask(0, &request(Op::Write, 1, &[(0, 512)]));
    assert_eq!(machine.settle(0), [Status::Ok; 3]);
    let commands: Vec<u8> = machine
        .fake
        .get()
        .log
        .iter()
        .map(|command| command.0)
        .collect();
    assert_eq!(commands, [24, 13, 24]);
    // A write that failed behind the card's back is told with the next status (CARD_ECC_FAILED).
    machine.ask(0, &Request::flush());
    machine.fake.set().r1 = 1 << 21;
    assert_eq!(machine.settle(0), [Status::IoError]);
}

#[test]
fn errors_are_passed_on_and_the_card_is_used_again() {
    // Command time-out, data time-out, data CRC, ADMA; and a refusal in R1 (OUT_OF_RANGE).
    for (error, r1) in [
        (1 << 16, 0),
        (1 << 20, 0),
        (1 << 21, 0),
        (1 << 25, 0),
        (0, 1 << 31),
    ] {
        for op in [Op::Read, Op::Write] {
            let mut machine = Machine::new();
            (machine.fake.set().error, machine.fake.set().r1) = (error, r1);
            machine.ask(0, &request(op, 0, &[(0, 1024)]));
            machine.ask(0, &request(op, 1, &[(0, 512)]));
            assert_eq!(
                machine.settle(0),
                [Status::IoError, Status::Ok],
                "{error:#x} {r1:#x}"
            );
            let stops = machine
                .fake
                .get()
                .log
                .iter()
                .filter(|command| command.0 == 12)
                .count();
            assert_eq!((stops, machine.fake.get().card), (1, CardState::Transfer));
        }
    }
}

#[test]
fn a_dead_card_fails_each_request() {
    let mut machine = Machine::new();
    machine.fake.set().answers = false;
    machine.ask(0, &request(Op::Read, 0, &[(0, 512)]));
    machine.ask(0, &Request::flush());
    assert_eq!(machine.settle(0), [Status::IoError; 2]);
}

#[test]
fn a_card_that_is_taken_out_is_the_end() {
    let mut machine = Machine::new();
    machine.ask(0, &request(Op::Read, 0, &[(0, 512)]));
    machine.driver.pump().unwrap();
    machine.fake.set().raise(interrupt::REMOVED);
    assert_eq!(
        machine.driver.interrupt(),
        Err(Fatal::Device(Error::NoCard))
    );
}

#[test]
fn a_transfer_that_is_complete_was_in_time() {
    let mut machine = Machine::new();
    machine.ask(0, &request(Op::Read, 0, &[(0, 512)]));
    machine.driver.pump().unwrap();
    machine.fake.finish();
    machine.fake.set().raise(interrupt::DATA_TIMEOUT);
    assert_eq!(machine.driver.interrupt().unwrap().errors, 0);
}

#[test]
fn quiesced_it_finishes_what_is_out_and_takes_nothing() {
    let mut machine = Machine::new();
    machine.ask(0, &request(Op::Write, 0, &[(0, 512)]));
    machine.ask(1, &request(Op::Write, 0, &[(0, 512)]));
    machine.driver.pump().unwrap();
    machine.driver.set_taking(false);
    assert_eq!(machine.settle(0), [Status::Ok]);
    assert_eq!(
        (machine.driver.in_flight(), machine.clients[1].owed()),
        (0, 1)
    );
    machine.driver.stop().unwrap();
    assert_eq!(machine.fake.get().register(CLOCK), 0);
}

#[test]
fn misaligned_segments_are_refused() {
    let mut machine = Machine::new();
    machine.ask(0, &request(Op::Read, 0, &[(4, 512)]));
    machine.ask(0, &request(Op::Read, 0, &[(0, 508), (0x400, 516)]));
    assert_eq!(machine.settle(0), [Status::IoError; 2]);
    assert!(machine.fake.get().log.is_empty());
}
