// SPDX-License-Identifier: BSD-2-Clause
//! The guest's window to sensors before a driver in the test: each read is answered once whatever becomes of the driver, and
//! neither a hostile guest nor a hostile driver gets what it must not.

mod common;

use std::sync::atomic::{AtomicU64, Ordering};

use common::{BASE, Fake, SIZE, words};
use molt_gate::{ClientGate, Warden};
use molt_sensor_queue::window::{self, Status};
use molt_sensor_queue::{Answer, Client, Request, Server, SlotId, layout};
use molt_shared::Memory;
use molt_vmm::sensors::Sensors;
use molt_vmm::virtio::link::Link;
use molt_vmm::{Counters, Device, Ram, Width, World};
use proptest::prelude::*;

struct Rig {
    device: Sensors<'static>,
    page: &'static [AtomicU64],
    fake: Fake,
    counters: Counters,
    ram: Ram,
    warden: Warden<'static>,
    region: &'static [AtomicU64],
    generation: u64,
    server: Server<'static>,
}

impl Rig {
    fn new() -> Self {
        Self::with_technique(false)
    }

    fn with_technique(stand_in: bool) -> Self {
        let (to_client, to_update) = (words(512), words(512));
        let region = words(layout::words::<Request>());
        let gate = ClientGate::new(to_client, to_update, 0);
        let link = Link::new(Client::new(region), gate, 0);
        let page = words(512);
        let mut rig = Self {
            device: Sensors::new(link, page).standing_in(stand_in),
            page,
            fake: Fake::default(),
            ram: Ram::new(Memory::of(words(SIZE / 8)), BASE),
            warden: Warden::new(to_client, to_update),
            region,
            counters: Counters::default(),
            generation: 0,
            server: Server::new(region, 0),
        };
        assert!(rig.device.is_ready(), "a guest need not wait for it");
        rig.open();
        rig
    }

    fn with<T>(&mut self, work: impl FnOnce(&mut Sensors<'static>, &mut World<'_>) -> T) -> T {
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

    /// A register, which an exit and the page show alike.
    fn get(&mut self, offset: u64) -> u32 {
        let word = self.page[offset as usize / 8].load(Ordering::Relaxed);
        let seen = (word >> (8 * (offset % 8))) as u32;
        assert_eq!(u64::from(seen), self.device.read(offset, Width::Word));
        seen
    }

    /// Status, value, count of answers, level of the interrupt.
    fn shown(&mut self) -> (u32, u32, u32, bool) {
        let registers = [window::STATUS, window::VALUE, window::ANSWERS].map(|r| self.get(r));
        let [status, value, answers] = registers;
        assert_eq!(
            self.get(window::INTERRUPT_STATUS),
            self.device.interrupt().into()
        );
        (status, value, answers, self.device.interrupt())
    }

    fn open(&mut self) {
        self.warden.open(0, self.generation);
        self.poll();
        assert!(self.warden.acknowledged(0));
        self.server = Server::new(self.region, self.generation);
        self.generation += 1;
    }

    fn close(&mut self) {
        self.warden.close(0);
        self.poll();
        assert!(self.warden.acknowledged(0));
        // The region is spoilt meanwhile.
        for word in self.region {
            word.store(0xdead_beef, Ordering::Relaxed);
        }
    }

    /// What the driver is asked for next.
    fn taken(&mut self) -> Option<(SlotId, u32)> {
        let mut request = Request::default();
        let slot = self.server.take(&mut request)?;
        Some((slot.expect("an honest client"), request.sensor))
    }

    fn answer(&mut self, slot: SlotId, answer: Answer) {
        self.server.complete(slot, answer).unwrap();
        self.poll();
    }
}

const IDLE: u32 = Status::Idle as u32;
const BUSY: u32 = Status::Busy as u32;
const VALUE: u32 = Status::Value as u32;

#[test]
fn a_reset_waits_for_the_answer_and_drops_it() {
    let mut rig = Rig::new();
    rig.set(window::SENSOR, 3);
    let (slot, _) = rig.taken().unwrap();
    rig.with(|device, world| device.reset(world));
    assert_eq!(rig.shown(), (IDLE, 0, 0, false));
    assert!(rig.device.is_busy(), "one request is owed at the most");
    rig.answer(slot, Answer::Value(7));
    assert!(!rig.device.is_busy());
    assert_eq!(rig.shown(), (IDLE, 0, 0, false), "the guest before asked");
    rig.set(window::SENSOR, 4);
    let (slot, sensor) = rig.taken().unwrap();
    assert_eq!(sensor, 4);
    rig.answer(slot, Answer::Value(8));
    assert_eq!(rig.shown(), (VALUE, 8, 1, true));
}

#[test]
fn a_sensor_is_read() {
    let mut rig = Rig::new();
    assert_eq!(rig.get(window::MAGIC), window::MAGIC_VALUE);
    assert_eq!(rig.get(window::VERSION), window::VERSION_VALUE);
    assert_eq!(rig.shown(), (IDLE, 0, 0, false));
    assert!(rig.taken().is_none(), "the driver waits to be told");
    let told = rig.fake.driver;
    rig.set(window::SENSOR, 3);
    assert_eq!(rig.fake.driver, told + 1);
    assert_eq!(rig.shown(), (BUSY, 0, 0, false));
    let (slot, sensor) = rig.taken().unwrap();
    assert_eq!(sensor, 3);
    rig.answer(slot, Answer::Value(u32::MAX));
    assert_eq!(rig.shown(), (VALUE, u32::MAX, 1, true));
    rig.set(window::INTERRUPT_STATUS, 0);
    assert!(rig.device.interrupt(), "only 1 clears");
    rig.set(window::INTERRUPT_STATUS, 1);
    assert_eq!(rig.shown(), (VALUE, u32::MAX, 1, false));
}

#[test]
fn each_kind_of_answer_is_shown_and_counted() {
    let mut rig = Rig::new();
    for (n, (answer, status, errors)) in [
        (Answer::Value(7), Status::Value, 0),
        (Answer::Absent, Status::Absent, 0),
        (Answer::Faulty, Status::Faulty, 1),
    ]
    .into_iter()
    .enumerate()
    {
        rig.set(window::SENSOR, 1);
        let (slot, _) = rig.taken().unwrap();
        rig.answer(slot, answer);
        // The value stays that of the last read that had one.
        assert_eq!(rig.shown(), (status as u32, 7, n as u32 + 1, true));
        assert_eq!(
            (rig.counters.requests, rig.counters.errors),
            (n as u64 + 1, errors)
        );
    }
}

#[test]
fn while_one_sensor_is_read_no_other_is() {
    let mut rig = Rig::new();
    rig.set(window::SENSOR, 1);
    for other in 2..200 {
        rig.set(window::SENSOR, other);
    }
    let (slot, sensor) = rig.taken().unwrap();
    assert_eq!(sensor, 1);
    assert!(rig.taken().is_none());
    rig.answer(slot, Answer::Value(9));
    assert_eq!(rig.shown(), (VALUE, 9, 1, true));
    assert!(rig.taken().is_none());
}

/// Before the swap, after it, and in between.
#[test]
fn a_read_that_a_driver_leaves_behind_is_its_successor_s_and_answered_once() {
    let mut rig = Rig::new();
    rig.set(window::SENSOR, 1);
    assert!(rig.taken().is_some(), "and not answered");
    rig.close();
    assert_eq!(rig.shown(), (BUSY, 0, 0, false));
    rig.open();
    let (slot, sensor) = rig.taken().unwrap();
    assert_eq!(sensor, 1);
    rig.answer(slot, Answer::Value(5));
    assert_eq!(rig.shown(), (VALUE, 5, 1, true));
    rig.close();
    rig.set(window::SENSOR, 2);
    assert_eq!(rig.shown().0, BUSY);
    rig.open();
    let (slot, sensor) = rig.taken().unwrap();
    assert_eq!((sensor, rig.taken()), (2, None));
    rig.answer(slot, Answer::Value(6));
    assert_eq!(rig.shown(), (VALUE, 6, 2, true));
}

#[test]
fn without_a_driver_each_read_fails_and_with_one_again_it_succeeds() {
    let mut rig = Rig::new();
    rig.set(window::SENSOR, 1);
    rig.close();
    rig.warden.out_of_service(0);
    rig.poll();
    assert_eq!(rig.shown(), (Status::Failed as u32, 0, 1, true));
    rig.set(window::SENSOR, 1);
    assert_eq!(rig.shown(), (Status::Failed as u32, 0, 2, true));
    assert_eq!(rig.counters.errors, 2);
    rig.open();
    rig.set(window::SENSOR, 1);
    let (slot, _) = rig.taken().unwrap();
    rig.answer(slot, Answer::Value(1));
    assert_eq!(rig.shown(), (VALUE, 1, 3, true));
}

#[test]
fn a_driver_that_breaks_the_protocol_answers_nothing_and_its_successor_does() {
    let mut rig = Rig::new();
    rig.set(window::SENSOR, 1);
    let (slot, _) = rig.taken().unwrap();
    rig.server.complete(slot, Answer::Value(1)).unwrap();
    // The answer is one that there is not.
    let newest = layout::completion(layout::START) + 1;
    rig.region[newest].store(u64::MAX, Ordering::Relaxed);
    rig.poll();
    assert_eq!(rig.shown(), (BUSY, 0, 0, false));
    assert_eq!(rig.counters.violations, 1);
    rig.close();
    rig.open();
    let (slot, _) = rig.taken().unwrap();
    rig.answer(slot, Answer::Value(2));
    assert_eq!(rig.shown(), (VALUE, 2, 1, true));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever a guest writes, wherever and in whatever width, at most one request is owed, and the window works afterwards.
    #[test]
    fn any_access(
        accesses in prop::collection::vec((0u64..0x1000, 0usize..4, any::<bool>(), any::<u64>()), 0..60),
    ) {
        let mut rig = Rig::new();
        let mut answered = 0;
        for (offset, width, write, value) in accesses {
            let width = [Width::Byte, Width::Half, Width::Word, Width::Double][width];
            // Half of them go to the registers. The bus passes on aligned accesses only.
            let offset = if value & 1 == 0 { offset } else { offset % window::END };
            let offset = offset - offset % width as u64;
            match write {
                true => rig.with(|device, world| device.write(offset, width, value, world)),
                false => drop(rig.device.read(offset, width)),
            }
            if value % 3 == 0 && let Some((slot, _)) = rig.taken() {
                prop_assert!(rig.taken().is_none());
                rig.answer(slot, Answer::Value(value as u32));
                answered += 1;
            }
        }
        if let Some((slot, _)) = rig.taken() {
            rig.answer(slot, Answer::Value(0));
            answered += 1;
        }
        prop_assert_eq!(rig.get(window::ANSWERS), answered);
        rig.set(window::SENSOR, 4);
        let (slot, sensor) = rig.taken().unwrap();
        rig.answer(slot, Answer::Value(77));
        prop_assert_eq!((sensor, rig.shown()), (4, (VALUE, 77, answered + 1, true)));
    }
}

#[test]
fn a_stand_in_answers_with_the_last_value_marked_as_stale() {
    const STALE: u32 = Status::Stale as u32;
    let mut rig = Rig::with_technique(true);
    for value in [4, 5] {
        rig.set(window::SENSOR, 1);
        let (slot, _) = rig.taken().unwrap();
        rig.answer(slot, Answer::Value(value));
    }
    // A read that the driver leaves behind.
    rig.set(window::SENSOR, 1);
    rig.close();
    assert_eq!(rig.shown(), (STALE, 5, 3, true));
    // One while there is no driver.
    rig.set(window::SENSOR, 1);
    assert_eq!(rig.shown(), (STALE, 5, 4, true));
    // Of a sensor that was never read there is no last value: it waits.
    rig.set(window::SENSOR, 2);
    assert_eq!(rig.shown().0, BUSY);
    rig.open();
    let (slot, sensor) = rig.taken().unwrap();
    assert_eq!(
        (sensor, rig.taken()),
        (2, None),
        "the others are not asked for again"
    );
    rig.answer(slot, Answer::Value(6));
    assert_eq!(rig.shown(), (VALUE, 6, 5, true));
    rig.set(window::SENSOR, 1);
    assert_eq!(rig.shown().0, BUSY, "there is a driver");
    // Once there will be no driver, nothing stands in for it.
    rig.close();
    assert_eq!(rig.shown(), (STALE, 5, 6, true));
    rig.warden.out_of_service(0);
    rig.poll();
    rig.set(window::SENSOR, 1);
    assert_eq!(rig.shown(), (Status::Failed as u32, 5, 7, true));
}
