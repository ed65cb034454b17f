// SPDX-License-Identifier: BSD-2-Clause
//! The console device under a driver that behaves as Linux's does: ports are found by name, opened and closed, and no byte is
//! lost or doubled, however slowly either side takes.

mod common;
#[path = "ports/mod.rs"]
mod ports;
#[path = "ports/services.rs"]
mod services;

use molt_trace::ring::{Reader, Writer};
use molt_vmm::Device;
use molt_vmm::virtio::console::Console;
use molt_vmm::virtio::terminal::TerminalPort;
use ports::{BUFFER, ENTRIES, MULTIPORT, Rig};
use proptest::prelude::*;
use services::{Echo, KEPT, Recorder};

/// Port 1 is the recorder, port 2 an echo.
fn console(recorder: &Recorder) -> Console<'static> {
    Console::new(&[])
        .with_port(1, recorder.clone())
        .with_port(2, Echo::default())
}

fn numbers(count: usize) -> Vec<u8> {
    (0..count).map(|n| (n % 251) as u8).collect()
}

#[test]
fn a_guest_finds_the_ports_by_name() {
    let recorder = Recorder::default();
    let mut rig = Rig::started(console(&recorder));
    assert_eq!(rig.get(8), 3, "a console");
    assert_eq!(rig.get(0x104), 3, "ports 0 to 2");
    let known: Vec<_> = (rig.ports.iter())
        .map(|(id, port)| (*id, port.name.as_str(), port.connected, port.added))
        .collect();
    let expected = [
        (1, "org.molt.recorder", true, 1),
        (2, "org.molt.echo", true, 1),
    ];
    assert_eq!(known, expected);
    assert!(!recorder.0.borrow().is_open, "found is not opened");
}

#[test]
fn bytes_go_to_the_service_and_back() {
    let recorder = Recorder::default();
    let mut rig = Rig::started(console(&recorder));
    rig.open(1);
    recorder.0.borrow_mut().room = 100;
    assert_eq!(rig.write(1, b"hello"), 5);
    assert_eq!(recorder.0.borrow().taken, b"hello");
    assert_eq!(rig.on_their_way(1), 0);
    recorder.0.borrow_mut().to_give.extend(b"and back");
    rig.poll();
    assert_eq!(rig.read(1), b"and back");
    assert!(!rig.needs_reset());
}

#[test]
fn what_a_service_does_not_take_waits_in_the_guest_s_queue() {
    let recorder = Recorder::default();
    let mut rig = Rig::started(console(&recorder));
    rig.open(1);
    let all = numbers(BUFFER * (usize::from(ENTRIES) + 2));
    let mut sent = rig.write(1, &all);
    assert_eq!(
        sent,
        BUFFER * usize::from(ENTRIES),
        "as many as it has buffers"
    );
    assert_eq!(rig.write(1, &all[sent..]), 0, "a write would wait");
    while recorder.0.borrow().taken.len() < all.len() {
        // An odd number, so that it ends in the midst of buffers.
        recorder.0.borrow_mut().room = 777;
        rig.poll();
        sent += rig.write(1, &all[sent..]);
    }
    assert_eq!(sent, all.len());
    assert_eq!(recorder.0.borrow().taken, all, "each byte once");
    assert_eq!(rig.on_their_way(1), 0);
}

#[test]
fn what_a_guest_does_not_read_waits_in_the_service() {
    let recorder = Recorder::default();
    let mut rig = Rig::started(console(&recorder));
    rig.open(1);
    let all = numbers(BUFFER * usize::from(ENTRIES) + 1000);
    recorder.0.borrow_mut().to_give.extend(&all);
    rig.poll();
    rig.poll();
    assert_eq!(recorder.0.borrow().to_give.len(), 1000, "no more buffers");
    let mut got = rig.read(1);
    got.extend(rig.read(1));
    assert_eq!(got, all);
}

#[test]
fn closing_ends_the_session_and_the_next_one_begins_anew() {
    let recorder = Recorder::default();
    let mut rig = Rig::started(console(&recorder));
    rig.open(1);
    recorder.0.borrow_mut().room = 3;
    rig.write(1, b"old words");
    rig.close(1);
    assert_eq!(rig.on_their_way(1), 0, "what was not taken is dropped");
    assert!(!recorder.0.borrow().is_open);
    rig.write(1, b"words to nobody");
    assert_eq!(rig.on_their_way(1), 0);
    rig.open(1);
    recorder.0.borrow_mut().room = 100;
    rig.write(1, b"new");
    assert_eq!(recorder.0.borrow().taken, b"oldnew");
    // A guest that opens what is open begins a session too.
    rig.open(1);
    assert_eq!(recorder.0.borrow().sessions, 3);
}

#[test]
fn a_reset_ends_all_sessions() {
    let recorder = Recorder::default();
    let mut rig = Rig::started(console(&recorder));
    rig.open(1);
    rig.open(2);
    recorder.0.borrow_mut().room = 1;
    recorder.0.borrow_mut().to_give.extend(numbers(BUFFER * 20));
    rig.write(1, b"in flight");
    rig.write(2, &numbers(KEPT));
    rig.set(0x70, 0);
    assert!(!recorder.0.borrow().is_open);
    assert!(!rig.device.interrupt());
    rig.start();
    rig.open(2);
    rig.write(2, b"after");
    assert_eq!(rig.read(2), b"after", "and nothing from before");
    recorder.0.borrow_mut().room = 100;
    rig.open(1);
    rig.write(1, b"nd");
    assert_eq!(recorder.0.borrow().taken, b"ind");
}

#[test]
fn without_multiport_there_is_port_0_and_it_is_open() {
    let recorder = Recorder::default();
    let mut rig = Rig::with(Console::new(&[]).with_port(0, recorder.clone()));
    rig.start_without(MULTIPORT);
    recorder.0.borrow_mut().room = 100;
    recorder.0.borrow_mut().to_give.extend(b"login: ");
    rig.write(0, b"root");
    assert_eq!(recorder.0.borrow().taken, b"root");
    rig.poll();
    assert_eq!(rig.read(0), b"login: ");
    rig.set(0x70, 0);
    assert!(!recorder.0.borrow().is_open);
}

#[test]
fn a_guest_without_multiport_has_no_way_to_other_ports() {
    let recorder = Recorder::default();
    let mut rig = Rig::with(console(&recorder));
    rig.start_without(MULTIPORT);
    recorder.0.borrow_mut().room = 100;
    rig.write(0, b"to nobody");
    assert_eq!(rig.on_their_way(0), 0, "dropped");
    assert_eq!(recorder.0.borrow().sessions, 0);
}

/// A device with a console whose rings have so many bytes, and a recorder.
fn terminal(size: usize, features: u64) -> (Rig, Reader<'static>, Writer<'static>) {
    let (terminal, printed, typed) = common::console(size);
    let console = Console::new(&[]).with_port(0, TerminalPort::new(terminal));
    let mut rig = Rig::with(console.with_port(1, Recorder::default()));
    rig.start_without(features);
    if features == 0 {
        rig.control(0, 0, 1);
        rig.interrupted();
        let consoles: Vec<bool> = rig.ports.values().map(|port| port.console).collect();
        assert_eq!(consoles, [true, false]);
    }
    (rig, printed, typed)
}

#[test]
fn a_console_prints_and_reads_as_it_is() {
    for features in [0, MULTIPORT] {
        let (mut rig, mut printed, mut typed) = terminal(0x1000, features);
        rig.write(0, b"one\r\n\ntw");
        assert_eq!(rig.fake.serial, 1, "a line");
        rig.write(0, b"o");
        assert_eq!(rig.fake.serial, 1, "nobody waits for less");
        assert_eq!(common::text(&mut printed), "one\r\n\ntwo");
        printed.set_eager(true);
        rig.write(0, b"# ");
        assert_eq!(
            (rig.fake.serial, common::text(&mut printed)),
            (2, "# ".into())
        );
        assert_eq!(typed.put(b"ls\x03\n"), 4);
        rig.poll();
        assert_eq!(rig.read(0), b"ls\x03\n");
        rig.world(|device, world| device.end(world));
        assert_eq!(common::text(&mut printed), "\n");
    }
}

#[test]
fn a_console_waits_for_serial_and_serial_for_the_console() {
    let (mut rig, mut printed, mut typed) = terminal(64, 0);
    let all = numbers(BUFFER);
    assert_eq!(rig.write(0, &all), BUFFER);
    let mut got = Vec::new();
    while got.len() < all.len() {
        assert!(printed.is_awaited() || all.len() - got.len() <= 64);
        let mut room = [0; 23];
        let count = printed.take(&mut room);
        got.extend_from_slice(&room[..count]);
        rig.poll();
    }
    assert_eq!(got, all);
    // What is typed waits until the guest has buffers, and `serial` is told of room.
    let (mut sent, mut read) = (0, Vec::new());
    let before = rig.fake.serial;
    while read.len() < all.len() {
        sent += typed.put(&all[sent..]);
        assert!(sent == all.len() || typed.is_full());
        rig.poll();
        read.extend(rig.read(0));
    }
    assert_eq!(read, all);
    assert!(rig.fake.serial > before);
    // What was typed for the one who has closed is not for the next one.
    assert_eq!(typed.put(b"secret"), 6);
    rig.control(0, 6, 0);
    rig.open(0);
    rig.poll();
    assert_eq!(rig.read(0), b"");
}

/// What a test does next.
#[derive(Clone, Debug)]
enum Step {
    Write(usize),
    Read,
    Poll,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1..3 * BUFFER).prop_map(Step::Write),
        Just(Step::Read),
        Just(Step::Poll),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// However both sides mix their work, an echo returns what was sent, in order.
    #[test]
    fn an_echo_returns_every_byte_once(steps in prop::collection::vec(step(), 1..60)) {
        let mut rig = Rig::started(console(&Recorder::default()));
        rig.open(2);
        let all = numbers(3 * BUFFER * 60);
        let (mut sent, mut got) = (0, Vec::new());
        for step in steps {
            match step {
                Step::Write(count) => sent += rig.write(2, &all[sent..sent + count]),
                Step::Read => got.extend(rig.read(2)),
                Step::Poll => rig.poll(),
            }
        }
        while rig.on_their_way(2) > 0 || got.len() < sent {
            let before = got.len();
            got.extend(rig.read(2));
            prop_assert!(got.len() > before, "it stands still");
        }
        prop_assert!(got == all[..sent]);
        prop_assert!(!rig.needs_reset());
    }
}
