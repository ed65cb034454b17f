// SPDX-License-Identifier: BSD-2-Clause
//! Guests that break the console device's rules: whatever they write, only their own device fails, and after a reset it works.

mod common;
#[path = "ports/mod.rs"]
mod ports;
#[path = "ports/services.rs"]
mod services;

use common::{BASE, SIZE};
use molt_vmm::virtio::console::Console;
use molt_vmm::{Device, Width};
use ports::{CONTROL_RECEIVE, CONTROL_TRANSMIT, ENTRIES, Rig, buffer, queues};
use proptest::prelude::*;
use services::{Echo, Recorder};

const NEXT: u16 = 1;
const WRITE: u16 = 2;
const INDIRECT: u16 = 4;

fn rig() -> Rig {
    let recorder = Recorder::default();
    recorder.0.borrow_mut().room = usize::MAX;
    let console = Console::new(&[])
        .with_port(1, recorder)
        .with_port(2, Echo::default());
    Rig::started(console)
}

/// After a reset everything works.
fn works(rig: &mut Rig) {
    rig.start();
    assert_eq!(rig.ports[&2].name, "org.molt.echo");
    rig.open(2);
    assert_eq!(rig.write(2, b"still here"), 10);
    assert_eq!(rig.read(2), b"still here");
    assert!(!rig.needs_reset());
}

#[test]
fn control_messages_in_any_order_for_any_port() {
    let mut rig = rig();
    for id in [0, 1, 2, 3, 4, 1000, u32::MAX] {
        for event in [0, 1, 2, 3, 4, 5, 6, 7, 8, 0xffff] {
            for value in [0, 1, 2, 0xffff] {
                // The guest waits for each to be taken.
                rig.control(id, event, value);
            }
        }
    }
    assert!(!rig.needs_reset());
    rig.interrupted();
    works(&mut rig);
}

#[test]
fn what_is_said_of_a_port_that_is_not_there_concerns_none() {
    let recorder = Recorder::default();
    let mut rig = Rig::started(Console::new(&[]).with_port(1, recorder.clone()));
    for id in [0, 2, 3, 4, 0x101, u32::MAX] {
        rig.control(id, 3, 1);
        rig.control(id, 6, 1);
    }
    rig.interrupted();
    assert_eq!(recorder.0.borrow().sessions, 0);
    assert_eq!(rig.ports.len(), 1);
    assert!(!rig.needs_reset());
}

#[test]
fn a_guest_that_asks_and_does_not_listen_makes_nothing_grow() {
    let mut rig = rig();
    for _ in 0..1000 {
        rig.control(0, 0, 1);
        rig.control(1, 3, 1);
    }
    // It has as many buffers as the queue, and what did not fit is told later, once.
    let mut told = 0;
    loop {
        let before = told;
        while let Some((entry, _)) = rig.handed_back(CONTROL_RECEIVE) {
            told += 1;
            rig.make_available(CONTROL_RECEIVE, entry);
        }
        rig.set(0x50, CONTROL_RECEIVE as u64);
        if told == before {
            break;
        }
    }
    assert!(told <= usize::from(ENTRIES) + 6, "{told} messages");
    works(&mut rig);
}

#[test]
fn messages_that_are_too_short_or_too_long_say_nothing_more() {
    let mut rig = rig();
    let n = CONTROL_TRANSMIT;
    let address = BASE + buffer(n, 0) as u64;
    rig.memory
        .write(buffer(n, 0), &[1, 0, 0, 0, 6, 0, 1, 0, 0xff, 0xff])
        .unwrap();
    for length in [0, 1, 7] {
        rig.descriptor(n, 0, address, length, 0, 0);
        rig.make_available(n, 0);
        rig.set(0x50, 0);
        assert_eq!(rig.handed_back(n), Some((0, 0)));
    }
    assert!(rig.device.read(0x70, Width::Word) & 64 == 0);
    rig.descriptor(n, 0, address, 10, 0, 0);
    rig.make_available(n, 0);
    rig.set(0x50, 0);
    assert_eq!(
        rig.handed_back(n),
        Some((0, 0)),
        "and this one opens port 1"
    );
    assert_eq!(rig.write(1, b"open"), 4);
    works(&mut rig);
}

/// Chains that must break the device, on the queue of this kind.
type Chain = &'static [(u64, u32, u16, u16)];

#[test]
fn chains_that_break_the_rules_break_the_device() {
    const END: u64 = BASE + SIZE as u64;
    const HERE: u64 = BASE + 0x1_0000;
    let anywhere: [Chain; 9] = [
        &[(END, 1, 0, 0)],
        &[(END - 1, 2, 0, 0)],
        &[(BASE - 1, 2, 0, 0)],
        &[(u64::MAX, 2, 0, 0)],
        &[(HERE, u32::MAX, 0, 0)],
        &[(HERE, 4, NEXT, 0)],
        &[(HERE, 4, NEXT, ENTRIES)],
        &[(HERE, 4, WRITE | NEXT, 1), (HERE, 4, 0, 0)],
        &[(HERE, 15, INDIRECT, 0)],
    ];
    let receiving: [Chain; 3] = [
        &[(HERE, 64, 0, 0)],
        &[(HERE, 8, NEXT, 1), (HERE, 64, WRITE, 0)],
        &[(END - 4, 64, WRITE, 0)],
    ];
    let (receive, transmit) = queues(1);
    let wheres = [receive, transmit, CONTROL_RECEIVE, CONTROL_TRANSMIT];
    for n in wheres {
        let own: &[Chain] = match n {
            n if n == receive || n == CONTROL_RECEIVE => &receiving,
            _ => &[],
        };
        for chain in anywhere.iter().chain(own) {
            let recorder = Recorder::default();
            recorder.0.borrow_mut().room = usize::MAX;
            let mut rig = Rig::with(Console::new(&[]).with_port(1, recorder.clone()));
            // Without the driver, whose buffers would stand in front.
            rig.start_without(0);
            if n == CONTROL_RECEIVE {
                rig.start_empty();
            }
            rig.control(1, 6, 1);
            recorder.0.borrow_mut().to_give.extend([7; 10]);
            for (entry, (address, length, flags, next)) in chain.iter().enumerate() {
                rig.descriptor(n, entry, *address, *length, *flags, *next);
            }
            rig.make_available(n, 0);
            if n == CONTROL_RECEIVE {
                rig.control(1, 3, 1);
            }
            rig.set(0x50, n as u64);
            assert!(rig.needs_reset(), "queue {n}: {chain:x?}");
            assert!(rig.device.interrupt(), "the guest is told (2.1.2)");
            rig.poll();
            rig.start();
            rig.open(1);
            assert_eq!(rig.write(1, b"x"), 1);
            assert_eq!(recorder.0.borrow().taken, b"x");
        }
    }
}

#[test]
fn a_buffer_too_small_for_a_message_breaks_the_device() {
    let mut rig = rig();
    rig.start_without(0);
    rig.start_empty();
    rig.descriptor(CONTROL_RECEIVE, 0, BASE + 0x1_0000, 7, WRITE, 0);
    rig.make_available(CONTROL_RECEIVE, 0);
    rig.control(0, 0, 1);
    assert!(rig.needs_reset());
    works(&mut rig);
}

#[test]
fn an_index_that_jumps_breaks_the_device() {
    for n in 0..8 {
        let mut rig = rig();
        rig.open(1);
        rig.open(2);
        let place = ports::available(n) + 2;
        let index = rig.memory.load_u16(place).unwrap();
        rig.memory
            .store_u16(place, index.wrapping_add(ENTRIES + 1 + 8))
            .unwrap();
        rig.set(0x50, n as u64);
        // Port 0 has no service, and nothing is for the guest that it could take.
        let used = !matches!(n, 0 | CONTROL_RECEIVE);
        assert_eq!(rig.needs_reset(), used, "queue {n}");
        works(&mut rig);
    }
}

#[test]
fn buffers_without_room_are_handed_back_and_not_waited_for() {
    let mut rig = rig();
    rig.start_empty();
    rig.control(2, 6, 1);
    let (receive, _) = queues(2);
    for entry in 0..4 {
        let length = if entry == 3 { 64 } else { 0 };
        let address = BASE + buffer(receive, entry) as u64;
        rig.descriptor(receive, entry, address, length, WRITE, 0);
        rig.make_available(receive, entry as u16);
    }
    rig.write(2, b"to the one with room");
    let back: Vec<_> = std::iter::from_fn(|| rig.handed_back(receive)).collect();
    assert_eq!(back, [(0, 0), (1, 0), (2, 0), (3, 20)]);
    works(&mut rig);
}

#[test]
fn a_chain_that_shrinks_while_it_waits_is_done() {
    let recorder = Recorder::default();
    let mut rig = Rig::started(Console::new(&[]).with_port(1, recorder.clone()));
    rig.open(1);
    recorder.0.borrow_mut().room = 50;
    rig.write(1, &[1; 100]);
    let (_, n) = queues(1);
    let entry = (0..ENTRIES)
        .find(|e| {
            rig.memory
                .load_u32(ports::table(n) + 16 * usize::from(*e) + 8)
                .unwrap()
                == 100
        })
        .unwrap();
    rig.descriptor(n, entry.into(), BASE, 10, 0, 0);
    recorder.0.borrow_mut().room = 1000;
    rig.poll();
    assert_eq!(recorder.0.borrow().taken.len(), 50);
    assert_eq!(rig.on_their_way(1), 0);
    rig.write(1, b"next");
    assert_eq!(recorder.0.borrow().taken.len(), 54, "from its first byte");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Any writes to any register, in any width.
    #[test]
    fn any_register(
        writes in prop::collection::vec((0u64..0x200, 0u8..4, prop_oneof![0u64..20, any::<u64>()]), 1..200),
    ) {
        let mut rig = rig();
        rig.open(1);
        for (offset, width, value) in writes {
            let width = [Width::Byte, Width::Half, Width::Word, Width::Double][usize::from(width)];
            let offset = offset & !(width as u64 - 1);
            rig.world(|device, world| device.write(offset, width, value, world));
            rig.device.read(offset, width);
            rig.world(|device, world| device.poll(world));
        }
        works(&mut rig);
    }

    /// Whatever stands in the queues and in the messages.
    #[test]
    fn any_queue(
        table in prop::collection::vec((any::<u64>(), 0u64..SIZE as u64 + 64, any::<u32>(), 0u16..8, 0u16..10), 8),
        queue in 0usize..8,
        heads in prop::collection::vec(0u16..10, 0..12),
        jump in 0u16..20,
        bytes in prop::collection::vec(any::<u8>(), 512),
    ) {
        let mut rig = rig();
        rig.open(1);
        rig.open(2);
        rig.write(2, &bytes);
        rig.start_empty();
        rig.control(1, 6, 1);
        rig.control(2, 6, 1);
        rig.memory.write(0x1_0000, &bytes).unwrap();
        for (n, (far, near, length, flags, next)) in table.into_iter().enumerate() {
            let address = if far & 7 == 0 { far } else { BASE + near };
            let length = if far & 8 == 0 { length } else { length % 128 };
            rig.descriptor(queue, n, address, length, flags, next);
        }
        for head in heads {
            rig.make_available(queue, head);
            rig.set(0x50, queue as u64);
        }
        rig.memory.store_u16(ports::available(queue) + 2, jump).unwrap();
        rig.set(0x50, queue as u64);
        rig.world(|device, world| device.poll(world));
        works(&mut rig);
    }
}
