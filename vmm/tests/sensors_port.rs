// SPDX-License-Identifier: BSD-2-Clause
//! The sensors on a port before a driver in the test: each line `read` gets one line of values, whatever becomes of the driver and
//! however the guest cuts its bytes.

mod common;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use common::{BASE, Fake, SIZE, words};
use molt_gate::{ClientGate, Warden};
use molt_sensor_queue::{Answer, Client, Request, Server, SlotId, layout};
use molt_shared::Memory;
use molt_vmm::sensors_port::{SENSORS, SensorsPort};
use molt_vmm::virtio::link::Link;
use molt_vmm::virtio::port::Port;
use molt_vmm::{Counters, Ram, World};
use proptest::prelude::*;

struct Rig {
    port: SensorsPort<'static>,
    fake: Fake,
    counters: Counters,
    ram: Ram,
    warden: Warden<'static>,
    region: &'static [AtomicU64],
    generation: u64,
    server: Server<'static>,
    /// Requests that were taken: at most one.
    taken: VecDeque<(SlotId, u32)>,
    /// What the guest has sent and the port has not taken.
    waiting: VecDeque<u8>,
    /// How many sensors there are.
    there: u32,
}

impl Rig {
    fn new() -> Self {
        Self::with_technique(false)
    }

    fn with_technique(stand_in: bool) -> Self {
        let (to_client, to_update) = (words(512), words(512));
        let region = words(layout::words::<Request>());
        let gate = ClientGate::new(to_client, to_update, 0);
        let mut rig = Self {
            port: SensorsPort::new(Link::new(Client::new(region), gate, 0)).standing_in(stand_in),
            fake: Fake::default(),
            counters: Counters::default(),
            ram: Ram::new(Memory::of(words(SIZE / 8)), BASE),
            warden: Warden::new(to_client, to_update),
            region,
            generation: 0,
            server: Server::new(region, 0),
            taken: VecDeque::new(),
            waiting: VecDeque::new(),
            there: 3,
        };
        rig.open();
        rig.port.open();
        rig
    }

    /// What the console device does after an event.
    fn poll(&mut self) {
        let mut world = World {
            ram: &self.ram,
            platform: &mut self.fake,
            counters: &mut self.counters,
        };
        self.port.poll(&mut world);
        while !self.waiting.is_empty() {
            let taken = self.port.take(self.waiting.make_contiguous(), &mut world);
            self.waiting.drain(..taken);
            if taken == 0 {
                break;
            }
        }
    }

    fn say(&mut self, text: &[u8]) {
        self.waiting.extend(text);
        self.poll();
    }

    fn open(&mut self) {
        self.warden.open(0, self.generation);
        self.poll();
        self.server = Server::new(self.region, self.generation);
        self.generation += 1;
    }

    fn close(&mut self) {
        self.warden.close(0);
        self.poll();
        self.taken.clear();
        for word in self.region {
            word.store(0xdead_beef, Ordering::Relaxed);
        }
    }

    /// The guest ends its session and begins another one. What was not taken is dropped.
    fn reopen(&mut self) {
        self.port.close();
        self.waiting.clear();
        self.port.open();
    }

    fn drive(&mut self) {
        let mut request = Request::default();
        while let Some(slot) = self.server.take(&mut request) {
            let slot = slot.expect("an honest client");
            self.taken.push_back((slot, request.sensor));
        }
        assert!(self.taken.len() <= 1, "one sensor after the other");
    }

    /// The driver answers what it is asked for, so often.
    fn answer(&mut self, times: usize) {
        for _ in 0..times {
            self.drive();
            let Some((slot, sensor)) = self.taken.pop_front() else {
                return;
            };
            let answer = match sensor {
                sensor if sensor >= self.there => Answer::Absent,
                sensor => Answer::Value(1000 + sensor),
            };
            self.server.complete(slot, answer).unwrap();
            self.poll();
        }
    }

    fn heard(&mut self) -> String {
        let mut all = Vec::new();
        let mut room = [0; 7];
        loop {
            let count = self.port.give(&mut room);
            if count == 0 {
                break;
            }
            all.extend(&room[..count]);
        }
        self.poll();
        String::from_utf8(all).unwrap()
    }
}

const LINE: &str = "1000 1001 1002\n";

#[test]
fn a_line_is_answered_by_a_line_of_all_values() {
    let mut rig = Rig::new();
    rig.say(b"read\n");
    assert_eq!(rig.heard(), "", "not before it is complete");
    rig.answer(3);
    assert_eq!(rig.heard(), "");
    rig.answer(1);
    assert_eq!(rig.heard(), LINE);
    assert_eq!((rig.counters.requests, rig.counters.errors), (4, 0));
    rig.there = 0;
    rig.say(b"  read\r\n");
    rig.answer(99);
    assert_eq!(rig.heard(), "\n");
    rig.there = u32::MAX;
    rig.say(b"read\n");
    rig.answer(999);
    assert_eq!(rig.heard().split(' ').count(), SENSORS as usize);
}

#[test]
fn lines_that_are_sent_together_are_answered_one_after_the_other() {
    let mut rig = Rig::new();
    rig.say(b"read\nread\nwrite\nre");
    rig.say(b"ad\nreadreadreadreadread\n");
    let mut heard = String::new();
    for _ in 0..40 {
        rig.answer(1);
        heard += &rig.heard();
    }
    let expected = format!("{LINE}{LINE}unknown\n{LINE}unknown\n");
    assert_eq!(heard, expected);
}

#[test]
fn a_line_outlasts_the_driver() {
    for before in 0..4 {
        let mut rig = Rig::new();
        rig.say(b"read\n");
        rig.answer(before);
        rig.drive();
        rig.close();
        assert_eq!(rig.heard(), "");
        rig.open();
        rig.answer(99);
        assert_eq!(rig.heard(), LINE, "after {before}");
    }
}

#[test]
fn what_could_not_be_read_is_said_in_its_place() {
    let mut rig = Rig::new();
    rig.say(b"read\n");
    rig.drive();
    let (slot, _) = rig.taken.pop_front().unwrap();
    rig.server.complete(slot, Answer::Faulty).unwrap();
    rig.poll();
    rig.answer(99);
    assert_eq!(rig.heard(), "faulty 1001 1002\n");
    rig.close();
    rig.warden.out_of_service(0);
    rig.say(b"read\n");
    rig.poll();
    assert_eq!(rig.heard(), "failed\n");
    assert_eq!(rig.counters.errors, 2);
}

/// Also not the line that the session before has asked for.
#[test]
fn nothing_of_a_session_is_left_for_the_next_one() {
    let mut rig = Rig::new();
    rig.say(b"read\n");
    rig.answer(2);
    rig.reopen();
    rig.there = 2;
    rig.say(b"read\n");
    rig.answer(99);
    assert_eq!(rig.heard(), "1000 1001\n");
    rig.say(b"read\nre");
    rig.answer(99);
    rig.reopen();
    assert_eq!(rig.heard(), "");
    rig.say(b"ad\n");
    assert_eq!(rig.heard(), "unknown\n");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever a guest sends: one answer for each line, and afterwards the port works.
    #[test]
    fn any_bytes(pieces in prop::collection::vec(prop::collection::vec(prop_oneof![
        Just(b'\n'), Just(b'r'), Just(b'e'), any::<u8>()], 0..40), 0..12)) {
        let mut rig = Rig::new();
        let mut heard = String::new();
        let mut lines = 0;
        for piece in pieces {
            lines += piece.iter().filter(|byte| **byte == b'\n').count();
            rig.say(&piece);
            rig.answer(2);
            heard += &rig.heard();
        }
        rig.say(b"\nread\n");
        for _ in 0..(lines + 2) * 5 {
            rig.answer(1);
            heard += &rig.heard();
        }
        prop_assert_eq!(heard.lines().count(), lines + 2);
        prop_assert!(heard.ends_with(LINE));
    }
}

#[test]
fn a_stand_in_gives_the_last_line_once_more() {
    let mut rig = Rig::with_technique(true);
    rig.say(b"read\n");
    rig.answer(2);
    rig.drive();
    // There is no last line yet.
    rig.close();
    assert_eq!(rig.heard(), "");
    rig.open();
    rig.answer(99);
    assert_eq!(rig.heard(), LINE);
    rig.say(b"read\n");
    rig.answer(2);
    rig.close();
    assert_eq!(
        rig.heard(),
        format!("stale {LINE}"),
        "in the middle of a line"
    );
    rig.say(b"read\n");
    assert_eq!(rig.heard(), format!("stale {LINE}"));
    rig.open();
    rig.drive();
    assert!(rig.taken.is_empty(), "nothing is asked for again");
    rig.say(b"read\n");
    assert_eq!(rig.heard(), "", "there is a driver");
    rig.answer(99);
    assert_eq!(rig.heard(), LINE);
}
