// SPDX-License-Identifier: BSD-2-Clause
//! A device on PCI. (What differs on virtio-mmio is little, and each driver's own tests have it.)

use crate::fake::{Fake, Queue, State};
use crate::registers::{ACCESS_PLATFORM, EVENT_INDEX, VERSION_1};
use crate::{Error, Transport};

const NETWORK_CARD: u32 = 1;

/// A function that was changed before it was started as a network card.
fn start(change: impl FnOnce(&mut State)) -> (Fake, Result<Transport<Fake>, Error>) {
    let fake = Fake::new();
    change(&mut fake.set());
    let configuration = fake.configuration();
    let transport = Transport::negotiate(fake.clone(), Some(&configuration), NETWORK_CARD, |_| {
        EVENT_INDEX
    });
    (fake, transport)
}

fn started() -> (Fake, Transport<Fake>) {
    let (fake, transport) = start(|_| ());
    (fake, transport.unwrap())
}

#[test]
fn queues_are_given_to_the_device_and_each_is_notified_at_its_own_register() {
    let (fake, mut transport) = started();
    assert_eq!(fake.get().status, 11);
    let agreed = VERSION_1 | ACCESS_PLATFORM | EVENT_INDEX;
    assert_eq!(
        (transport.features(), fake.get().accepted),
        (agreed, agreed)
    );
    let place = |n: u32| [1, 2, 3].map(|part| (1 << 32 | part << 12) + u64::from(n));
    for n in 0..3 {
        assert_eq!(transport.queue_size(n), Ok(256));
        transport.enable(n, 128, place(n)).unwrap();
    }
    transport.go().unwrap();
    assert_eq!(fake.get().status, 15);
    for n in 0..3 {
        let queue = Queue {
            size: 128,
            vector: 0,
            enabled: 1,
            addresses: place(n),
        };
        assert_eq!(fake.get().queues[n as usize], queue);
    }
    assert_eq!(fake.get().queues[3].enabled, 0);
    assert_eq!(fake.get().config_vector, 0);
    [2, 0, 1].iter().for_each(|n| transport.notify(*n));
    assert_eq!(fake.get().notified, [(2, 2), (0, 0), (1, 1)]);
    transport.reset().unwrap();
    assert_eq!(fake.get().status, 0);
}

#[test]
fn a_queue_in_use_and_one_too_many_are_refused() {
    let (fake, mut transport) = started();
    fake.set().queues[1].enabled = 1;
    assert_eq!(transport.queue_size(1), Err(Error::Queue));
    assert_eq!(fake.get().status & 128, 128, "the driver has given up");
    assert_eq!(transport.enable(3, 128, [0; 3]), Err(Error::Queue));
    assert_eq!(fake.get().queues[3].enabled, 0);
}

#[test]
fn a_device_without_messages_is_refused() {
    let (fake, transport) = start(|state| state.messages = false);
    let enabled = transport.unwrap().enable(0, 128, [0; 3]);
    assert_eq!(enabled, Err(Error::Message));
    assert_eq!(
        (fake.get().queues[0].enabled, fake.get().status & 128),
        (0, 128)
    );
}

#[test]
fn devices_that_are_not_for_us() {
    type Change = fn(&mut State);
    let cases: [(Change, Error); 7] = [
        (
            |state| state.put(0x00, &[0x86, 0x80, 0xd3, 0x10]),
            Error::NoDevice(0x10d3_8086),
        ),
        // A legacy device.
        (
            |state| state.put(0x02, &[0x00]),
            Error::NoDevice(0x1000_1af4),
        ),
        (|state| state.put(0x02, &[0x42]), Error::DeviceId(2)),
        // No common structure; the capabilities are a circle, and none is the notification structure.
        (|state| state.put(0x5b, &[9]), Error::Structure(1)),
        (
            |state| (state.put(0x79, &[0x40]), state.put(0x7b, &[9])).0,
            Error::Structure(2),
        ),
        (|state| state.offered &= !VERSION_1, Error::Features),
        (|state| state.resets = false, Error::Reset),
    ];
    for (change, error) in cases {
        assert_eq!(start(change).1.err(), Some(error));
    }
    let (fake, refused) = start(|state| state.accepts = false);
    assert_eq!(refused.err(), Some(Error::Features));
    assert_eq!(fake.get().status & 128, 128);
}

#[test]
fn the_configuration_is_read_whole_and_its_changes_are_seen() {
    let (fake, mut transport) = started();
    fake.set().changes = 3;
    assert_eq!(transport.config(|word| word(0)), Ok(0x1234_5678));
    assert!(!transport.config_changed());
    fake.set().generation += 1;
    assert!(transport.config_changed());
    fake.set().changes = 100;
    assert_eq!(transport.config(|_| ()), Err(Error::Config));
}

#[test]
fn a_kind_of_device_without_a_configuration_needs_no_structure_for_it() {
    let (_, transport) = start(|state| state.put(0x6b, &[9]));
    let word = transport.unwrap().config(|word| word(0));
    assert_eq!(word, Ok(u32::MAX));
}

/// A message may be for the configuration, or for a failure (2.1.2).
#[test]
fn a_message_may_say_that_the_device_has_failed() {
    let (fake, transport) = started();
    assert_eq!(transport.interrupt(), Ok(true));
    fake.set().status |= 64;
    assert_eq!(transport.interrupt(), Err(Error::NeedsReset));
    assert_eq!(transport.go(), Err(Error::NeedsReset));
}
