// SPDX-License-Identifier: BSD-2-Clause
//! The byte stream through a device, which may misbehave.

use std::sync::atomic::AtomicU64;

use molt_shared::Memory;
use molt_virtio::registers::{EVENT_INDEX, VERSION_1};

use crate::fake::{Fake, RING, State};
use crate::{BUFFER, Console, Error, RING_BYTES, Region};

fn words(bytes: usize) -> &'static [AtomicU64] {
    let words = (0..bytes / 8).map(|_| AtomicU64::new(u64::MAX));
    words.collect::<Vec<_>>().leak()
}

/// The device, after this change, and its driver.
fn with(change: impl Fn(&mut State)) -> Result<(Fake, Console<'static, Fake>), Error> {
    let memory = words(RING_BYTES);
    let fake = Fake::new(Memory::of(memory));
    change(&mut fake.set());
    let console = Console::start(fake.clone(), None, Region::new(memory, RING))?;
    Ok((fake, console))
}

fn started() -> (Fake, Console<'static, Fake>) {
    with(|_| ()).expect("a sound device")
}

/// All that has arrived.
fn received(console: &mut Console<'_, Fake>) -> Result<Vec<u8>, Error> {
    let (mut all, mut buffer) = (Vec::new(), [0; BUFFER]);
    while let Some(len) = console.receive(&mut buffer)? {
        all.extend(&buffer[..len]);
    }
    console.tell();
    Ok(all)
}

/// So many bytes, each unlike its neighbours.
fn some(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n % 251) as u8).collect()
}

/// Also on a device without event indices, and with the shortest queues.
#[test]
fn bytes_come_through_in_both_directions_and_in_order() {
    for (offered, queue_max) in [(EVENT_INDEX, 128), (0, 128), (EVENT_INDEX, 1)] {
        let (fake, mut console) = with(|device| {
            device.offered = VERSION_1 | offered;
            device.queue_max = queue_max;
        })
        .unwrap();
        let bytes = some(20_000);
        let mut sent = 0;
        let mut arrived = 0;
        let mut got = Vec::new();
        for step in [1, 7, 8, 255, 256, 257, 1000, 20_000].iter().cycle() {
            let next = &bytes[sent..bytes.len().min(sent + step)];
            sent += console.send(next).unwrap();
            console.tell();
            let next = &bytes[arrived..bytes.len().min(arrived + step)];
            let taken = match next.is_empty() {
                true => 0,
                false => fake.set().arrive(next),
            };
            arrived += taken;
            console.interrupt().unwrap();
            got.extend(received(&mut console).unwrap());
            if (sent, arrived) == (bytes.len(), bytes.len()) {
                break;
            }
        }
        assert!(fake.get().sent == bytes && got == bytes);
        assert_eq!(fake.get().accepted, VERSION_1 | offered);
    }
}

#[test]
fn what_has_no_room_is_not_taken_and_the_rest_follows() {
    let (fake, mut console) = started();
    fake.set().prompt = false;
    let bytes = some(BUFFER * 20);
    let taken = console.send(&bytes).unwrap();
    assert_eq!(taken, BUFFER * 16);
    assert_eq!(
        (console.room(), console.send(&bytes[taken..])),
        (Ok(0), Ok(0))
    );
    console.tell();
    assert!(!console.arm(true), "nothing was sent yet");
    fake.set().send();
    fake.set().send();
    assert!(console.arm(true), "there is room");
    assert_eq!(console.room(), Ok(BUFFER * 2));
    assert_eq!(console.send(&bytes[taken..]), Ok(BUFFER * 2));
    console.tell();
    while !fake.get().pending.is_empty() {
        fake.set().send();
    }
    assert!(fake.get().sent == bytes[..BUFFER * 18]);
}

#[test]
fn what_arrives_before_the_driver_waits_is_noticed() {
    let (fake, mut console) = started();
    console.disarm();
    assert_eq!(fake.set().arrive(b"early"), 5);
    assert!(console.arm(false));
    assert_eq!(received(&mut console).unwrap(), b"early");
    assert!(!console.arm(false));
}

#[test]
fn a_buffer_without_bytes_is_given_back() {
    let (fake, mut console) = started();
    for _ in 0..100 {
        assert_eq!(fake.set().arrive(b""), 0);
        let mut buffer = [0; BUFFER];
        assert_eq!(console.receive(&mut buffer), Ok(Some(0)));
        assert_eq!(console.receive(&mut buffer), Ok(None));
        console.tell();
    }
    assert_eq!(fake.get().empty.len(), 16);
}

/// The next generation's driver finds the ring memory as this one has left it.
#[test]
fn a_driver_starts_from_reset_whatever_the_memory_holds() {
    let memory = words(RING_BYTES);
    let fake = Fake::new(Memory::of(memory));
    for _ in 0..3 {
        let mut console = Console::start(fake.clone(), None, Region::new(memory, RING)).unwrap();
        assert_eq!(console.send(b"hello"), Ok(5));
        console.tell();
        fake.set().arrive(b"there");
        assert_eq!(received(&mut console).unwrap(), b"there");
        fake.set().arrive(b"lost with its reset");
    }
    assert_eq!(fake.get().sent, b"hellohellohello");
}

#[test]
fn a_device_is_not_believed() {
    let said = |device: fn(&mut State)| {
        let (fake, mut console) = started();
        fake.set().prompt = false;
        console.send(b"x").unwrap();
        console.tell();
        device(&mut fake.set());
        let interrupt = console.interrupt();
        let mut buffer = [0; BUFFER];
        let received = interrupt.and_then(|()| console.receive(&mut buffer).map(drop));
        received.and_then(|()| console.send(b"y").map(drop))
    };
    let long = said(|device| device.push(0, 0, BUFFER as u32 + 1));
    assert_eq!(long, Err(Error::UsedLength(BUFFER as u32 + 1)));
    let huge = said(|device| device.push(0, 0, u32::MAX));
    assert_eq!(huge, Err(Error::UsedLength(u32::MAX)));
    for n in [0, 1] {
        let wrong = if n == 0 { 16 } else { 1 };
        assert_eq!(
            said(match n {
                0 => |device| device.push(0, 16, 1),
                _ => |device| device.push(1, 1, 0),
            }),
            Err(Error::UsedId(wrong)),
            "a buffer that it was not given"
        );
    }
    let ahead = said(|device| device.move_used(0, 17));
    assert_eq!(ahead, Err(Error::UsedIndex(17)));
    let ahead = said(|device| device.move_used(1, 2));
    assert_eq!(ahead, Err(Error::UsedIndex(2)));
    let broken = said(|device| {
        device.isr = 2;
        device.status |= 64;
    });
    assert_eq!(broken, Err(Error::NeedsReset));
    // What a buffer to be sent is reported to have received is nobody's concern.
    assert_eq!(said(|device| device.push(1, 0, u32::MAX)), Ok(()));
}

#[test]
fn another_device_is_refused() {
    let refused = |change: fn(&mut State)| with(change).map(drop).unwrap_err();
    assert_eq!(refused(|device| device.id = 4), Error::DeviceId(4));
    assert_eq!(refused(|device| device.offered = 7), Error::Features);
    assert_eq!(refused(|device| device.queue_max = 0), Error::Queue);
    let short = words(RING_BYTES - 8);
    let fake = Fake::new(Memory::of(short));
    let started = Console::start(fake, None, Region::new(short, RING));
    assert_eq!(started.map(drop), Err(Error::Memory));
}
