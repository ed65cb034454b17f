// SPDX-License-Identifier: BSD-2-Clause
//! The guest's source of entropy before a driver in the test: what is owed outlives the driver, and neither a hostile guest nor
//! a hostile driver gets what it must not.

mod common;

use std::sync::atomic::{AtomicU64, Ordering};

use common::{BASE, Fake, SIZE, words};
use molt_entropy_queue::{Answer, Client, MAX, Request, Server, SlotId, layout};
use molt_gate::{ClientGate, Warden};
use molt_shared::Memory;
use molt_vmm::virtio::entropy::Entropy;
use molt_vmm::virtio::link::Link;
use molt_vmm::{Counters, Device, Ram, Width, World};
use proptest::prelude::*;

const TABLE: usize = 0x1000;
const AVAILABLE: usize = 0x2000;
const USED: usize = 0x3000;
const BUFFER: u64 = BASE + 0x8000;
const ENTRIES: u16 = 8;
const NEEDS_RESET: u64 = 64;

const NEXT: u16 = 1;
const WRITE: u16 = 2;

struct Rig {
    device: Entropy<'static>,
    fake: Fake,
    counters: Counters,
    ram: Ram,
    memory: Memory,
    warden: Warden<'static>,
    region: &'static [AtomicU64],
    generation: u64,
    server: Server<'static>,
    taken: Vec<(SlotId, Request)>,
    available: u16,
}

impl Rig {
    fn new() -> Self {
        let (to_client, to_update) = (words(512), words(512));
        let (region, guest) = (words(layout::words::<Request>()), words(SIZE / 8));
        let memory = Memory::of(guest);
        let gate = ClientGate::new(to_client, to_update, 0);
        let link = Link::new(Client::new(region), gate, 0);
        let mut rig = Self {
            device: Entropy::new(link, &[]),
            fake: Fake::default(),
            ram: Ram::new(memory, BASE),
            memory,
            warden: Warden::new(to_client, to_update),
            region,
            counters: Counters::default(),
            generation: 0,
            server: Server::new(region, 0),
            taken: Vec::new(),
            available: 0,
        };
        assert!(rig.device.is_ready(), "a guest need not wait for it");
        rig.open();
        rig.start();
        rig
    }

    fn with<T>(&mut self, work: impl FnOnce(&mut Entropy<'static>, &mut World<'_>) -> T) -> T {
        let mut world = World {
            ram: &self.ram,
            platform: &mut self.fake,
            counters: &mut self.counters,
        };
        work(&mut self.device, &mut world)
    }

    fn poll(&mut self) {
        self.with(|device, world| device.poll(world));
    }

    fn set(&mut self, offset: u64, value: u64) {
        self.with(|device, world| device.write(offset, Width::Word, value, world));
    }

    fn get(&mut self, offset: u64) -> u64 {
        self.device.read(offset, Width::Word)
    }

    fn open(&mut self) {
        self.warden.open(0, self.generation);
        self.poll();
        assert!(self.warden.acknowledged(0));
        self.server = Server::new(self.region, self.generation);
        self.generation += 1;
        self.drive();
    }

    fn close(&mut self) {
        self.warden.close(0);
        self.poll();
        assert!(self.warden.acknowledged(0));
        self.taken.clear();
        // The region is spoilt meanwhile.
        for word in self.region {
            word.store(0xdead_beef, Ordering::Relaxed);
        }
    }

    /// The driver takes what there is.
    fn drive(&mut self) {
        let mut request = Request::default();
        while let Some(slot) = self.server.take(&mut request) {
            let end = request.offset + u64::from(request.len);
            assert!(end <= SIZE as u64, "within the guest's memory");
            self.taken.push((slot.expect("an honest client"), request));
        }
    }

    /// The driver answers the request that it took first.
    fn answer(&mut self, written: u32) {
        let (slot, request) = self.taken.remove(0);
        let bytes = vec![0xa5; written.min(request.len) as usize];
        self.memory.write(request.offset as usize, &bytes).unwrap();
        self.server.complete(slot, Answer::Filled(written)).unwrap();
        self.poll();
    }

    /// Resets the device and brings it up with an empty queue.
    fn start(&mut self) {
        self.set(0x70, 0);
        self.memory.write(0, &[0; 0x8000]).unwrap();
        self.available = 0;
        for status in [1, 3] {
            self.set(0x70, status);
        }
        for half in 0..2 {
            self.set(0x14, half);
            let features = self.get(0x10);
            self.set(0x24, half);
            self.set(0x20, features);
        }
        self.set(0x70, 11);
        self.set(0x38, ENTRIES.into());
        for (register, offset) in [(0x80, TABLE), (0x90, AVAILABLE), (0xa0, USED)] {
            self.set(register, BASE + offset as u64);
        }
        self.set(0x44, 1);
        self.set(0x70, 15);
        assert_eq!(self.get(0x70), 15);
    }

    fn descriptor(&self, n: usize, address: u64, length: u32, flags: u16, next: u16) {
        let at = TABLE + 16 * n;
        self.memory.store_u64(at, address).unwrap();
        self.memory.store_u32(at + 8, length).unwrap();
        self.memory.store_u16(at + 12, flags).unwrap();
        self.memory.store_u16(at + 14, next).unwrap();
    }

    /// Makes the chain that begins with this descriptor available, and notifies.
    fn offer(&mut self, head: u16) {
        let slot = usize::from(self.available % ENTRIES);
        self.available = self.available.wrapping_add(1);
        self.memory
            .store_u16(AVAILABLE + 4 + 2 * slot, head)
            .unwrap();
        self.memory
            .store_u16(AVAILABLE + 2, self.available)
            .unwrap();
        self.set(0x50, 0);
        self.drive();
    }

    /// The guest asks for so many bytes, with descriptor `n`.
    fn ask(&mut self, n: u16, length: u32) {
        let address = BUFFER + 0x100 * u64::from(n);
        self.descriptor(n.into(), address, length, WRITE, 0);
        self.offer(n);
    }

    /// What the guest was told: heads and lengths.
    fn told(&self) -> Vec<(u32, u32)> {
        let used = self.memory.load_u16(USED + 2).unwrap();
        let element = |n: usize| {
            let at = USED + 4 + 8 * (n % usize::from(ENTRIES));
            let word = |at| self.memory.load_u32(at).unwrap();
            (word(at), word(at + 4))
        };
        (0..used.into()).map(element).collect()
    }

    fn needs_reset(&mut self) -> bool {
        self.get(0x70) & NEEDS_RESET != 0
    }

    /// What it has counted, which `update` sees as well.
    fn counters(&self) -> Counters {
        self.counters
    }
}

#[test]
fn a_guest_gets_what_the_driver_wrote_and_is_told_how_much() {
    let mut rig = Rig::new();
    assert_eq!(rig.get(8), 4, "an entropy device");
    rig.ask(3, 64);
    assert_eq!(rig.taken.len(), 1);
    assert_eq!(rig.told(), []);
    rig.answer(10);
    assert_eq!(rig.told(), [(3, 10)]);
    assert!(rig.device.interrupt());
    let mut bytes = [0; 11];
    rig.memory.read(0x8300, &mut bytes).unwrap();
    assert_eq!(bytes, [[0xa5; 10].as_slice(), &[0]].concat()[..]);
    assert_eq!(rig.counters().requests, 1);
}

#[test]
fn what_is_owed_is_asked_again_of_the_next_generation_and_answered_once() {
    let mut rig = Rig::new();
    rig.ask(0, 64);
    rig.ask(1, 32);
    let asked: Vec<Request> = rig.taken.iter().map(|(_, request)| *request).collect();
    rig.answer(64);
    rig.close();
    assert_eq!(rig.warden.account(0).owed, 1);
    // While there is nobody, requests stay in the guest's queue.
    rig.ask(2, 16);
    assert_eq!(rig.told(), [(0, 64)]);
    rig.open();
    let again: Vec<Request> = rig.taken.iter().map(|(_, request)| *request).collect();
    assert_eq!(again[0], asked[1]);
    assert_eq!(again.len(), 2, "and the new one");
    rig.answer(32);
    rig.answer(16);
    assert_eq!(rig.told(), [(0, 64), (1, 32), (2, 16)]);
    assert_eq!(rig.warden.account(0).owed, 0);
}

#[test]
fn an_answer_that_comes_before_the_gate_closes_counts() {
    let mut rig = Rig::new();
    rig.ask(0, 64);
    let (slot, _) = rig.taken.remove(0);
    rig.server.complete(slot, Answer::Filled(64)).unwrap();
    rig.close();
    rig.open();
    assert!(rig.taken.is_empty(), "it is not asked again");
    assert_eq!(rig.told(), [(0, 64)]);
}

#[test]
fn a_driver_that_says_that_it_wrote_more_than_was_asked_for_is_not_believed() {
    for word in [65, u64::from(u32::MAX), 0, u64::MAX] {
        let mut rig = Rig::new();
        rig.ask(0, 64);
        let (slot, _) = rig.taken.remove(0);
        rig.server.complete(slot, Answer::Filled(1)).unwrap();
        let at = layout::completion(layout::START) + 1;
        rig.region[at].store(word, Ordering::Relaxed);
        rig.poll();
        assert_eq!(rig.told(), [], "{word:#x}");
        assert_eq!(rig.counters().violations, 1);
        assert_eq!(rig.warden.account(0).violations, 1);
        // The next one serves it.
        rig.close();
        rig.open();
        rig.answer(64);
        assert_eq!(rig.told(), [(0, 64)]);
    }
}

#[test]
fn of_a_chain_the_first_bytes_are_filled() {
    let mut rig = Rig::new();
    rig.descriptor(0, BUFFER, 0, WRITE | NEXT, 1);
    rig.descriptor(1, BUFFER + 0x40, 16, WRITE | NEXT, 2);
    rig.descriptor(2, BUFFER + 0x1000, 16, WRITE, 0);
    rig.offer(0);
    let request = Request {
        offset: BUFFER + 0x40 - BASE,
        len: 16,
    };
    assert_eq!(rig.taken[0].1, request);
    rig.answer(16);
    assert_eq!(rig.told(), [(0, 16)]);
    rig.descriptor(4, BASE, SIZE as u32, WRITE, 0);
    rig.offer(4);
    let request = Request {
        offset: 0,
        len: MAX,
    };
    assert_eq!(rig.taken[0].1, request, "and not more at a time");
}

#[test]
fn a_guest_that_breaks_the_rules_has_to_reset_the_device() {
    let end = BASE + SIZE as u64;
    let broken: [&[(u64, u32, u16, u16)]; 9] = [
        // Nothing to be written.
        &[(BUFFER, 0, WRITE, 0)],
        &[(BUFFER, 64, 0, 0)],
        // A buffer that is to be read (5.4.6.1).
        &[(BUFFER, 4, NEXT, 1), (BUFFER, 64, WRITE, 0)],
        // Outside the memory, or not wholly inside.
        &[(end, 1, WRITE, 0)],
        &[(end - 1, 2, WRITE, 0)],
        &[(BASE - 1, 2, WRITE, 0)],
        &[(u64::MAX, 2, WRITE, 0)],
        // A loop, and a descriptor that is not there.
        &[(BUFFER, 4, WRITE | NEXT, 0)],
        &[(BUFFER, 4, WRITE | NEXT, ENTRIES)],
    ];
    let mut rig = Rig::new();
    for chain in broken {
        for (n, (address, length, flags, next)) in chain.iter().enumerate() {
            rig.descriptor(n, *address, *length, *flags, *next);
        }
        rig.offer(0);
        assert!(rig.needs_reset(), "{chain:x?}");
        assert!(rig.taken.is_empty() && rig.told().is_empty());
        rig.start();
        assert!(!rig.needs_reset());
        rig.ask(1, 8);
        rig.answer(8);
        assert_eq!(rig.told(), [(1, 8)]);
        rig.start();
    }
}

#[test]
fn a_reset_waits_for_requests_in_flight_and_their_answers_are_dropped() {
    let mut rig = Rig::new();
    rig.ask(0, 64);
    rig.set(0x70, 0);
    assert!(rig.device.is_busy());
    rig.answer(64);
    assert!(!rig.device.is_busy());
    assert_eq!((rig.told(), rig.counters().requests), (vec![], 0));
    rig.start();
    rig.ask(0, 8);
    rig.answer(8);
    assert_eq!(rig.told(), [(0, 8)]);
}

#[test]
fn a_guest_without_a_driver_is_told_that_the_device_has_failed() {
    let mut rig = Rig::new();
    rig.ask(0, 64);
    rig.close();
    rig.warden.out_of_service(0);
    rig.poll();
    assert!(rig.warden.acknowledged(0));
    assert!(rig.needs_reset());
    assert_eq!(rig.told(), [], "no bytes, no answer");
    rig.start();
    rig.ask(0, 64);
    assert!(rig.needs_reset(), "again");
    assert_eq!(rig.counters().errors, 2);
    // Somebody repairs it.
    rig.open();
    rig.start();
    rig.ask(0, 64);
    rig.answer(64);
    assert_eq!(rig.told(), [(0, 64)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever stands in the queue, the driver is asked for nothing outside the guest's memory ([`Rig::drive`] looks), and
    /// after a reset the device works.
    #[test]
    fn any_queue(
        table in prop::collection::vec((any::<u64>(), 0u64..SIZE as u64 + 64, any::<u32>(), 0u16..8, 0u16..10), 8),
        heads in prop::collection::vec(0u16..10, 0..12),
        jump in 0u16..20,
    ) {
        let mut rig = Rig::new();
        for (n, (far, near, length, flags, next)) in table.into_iter().enumerate() {
            let address = if far & 7 == 0 { far } else { BASE + near };
            let length = if far & 8 == 0 { length } else { length % 128 };
            rig.descriptor(n, address, length, flags, next);
        }
        for head in heads {
            rig.offer(head);
        }
        rig.memory.store_u16(AVAILABLE + 2, jump).unwrap();
        rig.set(0x50, 0);
        rig.drive();
        while !rig.taken.is_empty() {
            rig.answer(1);
            rig.drive();
        }
        rig.start();
        rig.ask(0, 8);
        rig.answer(8);
        prop_assert_eq!(rig.told(), [(0, 8)]);
    }
}
