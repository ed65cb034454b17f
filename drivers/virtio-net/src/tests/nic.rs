// SPDX-License-Identifier: BSD-2-Clause
//! The device's driver alone, with the fake device.

use std::sync::atomic::AtomicU64;

use molt_shared::Memory;
use molt_virtio::Error;
use proptest::prelude::*;

use crate::fake::{Fake, RAM, RING, State};
use crate::{BUFFER, FRAMES, Features, Frame, HEADER, Nic, Offload, RING_BYTES, Region, START};

fn words() -> &'static [AtomicU64] {
    let words: Vec<AtomicU64> = (0..RING_BYTES / 8).map(|_| AtomicU64::new(0x55)).collect();
    words.leak()
}

/// A frame of `len` bytes of the pattern from `at` of the fake machine's RAM on, in the form in which it is sent.
fn send(nic: &mut Nic<'_, Fake>, offload: Offload, at: u64, len: usize) -> Option<usize> {
    let whole = [offload.to_bytes(0).as_slice(), &pattern(len)].concat();
    let (start, rest) = whole.split_at(START.min(whole.len()));
    nic.send(start, (at + (START - HEADER) as u64, rest.len() as u32))
}

fn start(change: impl FnOnce(&mut State)) -> (Fake, Result<Nic<'static, Fake>, Error>) {
    let words = words();
    let fake = Fake::new(Memory::of(words));
    change(&mut fake.set());
    let nic = Nic::start(fake.clone(), None, Region::new(words, RING));
    (fake, nic)
}

fn started() -> (Fake, Nic<'static, Fake>) {
    let (fake, nic) = start(|_| ());
    (fake, nic.unwrap())
}

fn content(frame: &Frame<'_>) -> Vec<u8> {
    let copy: Vec<AtomicU64> = (0..0x4000).map(|_| AtomicU64::new(u64::MAX)).collect();
    frame.copy_to(&copy, 16);
    let end = HEADER + frame.len();
    let mut all = vec![0; end.next_multiple_of(8)];
    molt_net::get(&copy, 16, &mut all);
    assert!(all[end..].iter().all(|byte| *byte == 0), "nothing behind");
    all[HEADER..end].to_vec()
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 7 + n / 256) as u8).collect()
}

#[test]
fn it_takes_the_features_that_it_knows() {
    let (fake, nic) = started();
    assert_eq!(nic.features(), Features::all());
    assert_eq!(fake.get().accepted, Features::all().bits());
    assert_eq!(nic.config().mac, Some([2, 0, 0, 0, 0, 1]));
    assert!(nic.config().link);
    assert_eq!(fake.get().commands, [[0, 0, 1]], "all frames");
    assert_eq!(fake.get().receive_buffers(), 128);
}

#[test]
fn features_that_need_others_go_with_them() {
    let without = |bits: Features| {
        let (fake, nic) = start(|state| state.offered &= !bits.bits());
        nic.unwrap();
        Features::from_bits_truncate(fake.get().accepted)
    };
    let long = Features::GUEST_TSO4 | Features::GUEST_TSO6 | Features::GUEST_ECN;
    assert!(!without(Features::MRG_RXBUF).intersects(long));
    assert!(!without(Features::GUEST_CSUM).intersects(long));
    assert!(!without(Features::CSUM).intersects(Features::HOST_TSO4 | Features::HOST_TSO6));
    assert!(!without(Features::CTRL_VQ).contains(Features::CTRL_RX));
}

#[test]
fn a_device_that_is_none_is_refused() {
    let refused = |change: fn(&mut State)| start(change).1.err().unwrap();
    assert_eq!(refused(|state| state.id = 2), Error::DeviceId(2));
    assert_eq!(refused(|state| state.accepts = false), Error::Features);
    assert_eq!(
        refused(|state| state.offered &= !(1 << 32)),
        Error::Features
    );
    assert_eq!(refused(|state| state.queue_max = 0), Error::Queue);
    assert_eq!(refused(|state| state.queue_max = 2), Error::Queue);
    assert_eq!(refused(|state| state.answer = 1), Error::Control(1));
    let stuck = |state: &mut State| (state.resets, state.status) = (false, 15);
    assert_eq!(start(stuck).1.err(), Some(Error::Reset));
    let short = Region::new(&words()[..RING_BYTES / 8 - 1], RING);
    let fake = Fake::new(Memory::of(words()));
    assert_eq!(Nic::start(fake, None, short).err(), Some(Error::Memory));
}

#[test]
fn a_frame_is_sent_with_its_offload() {
    let (fake, mut nic) = started();
    fake.set().ram[..3000].copy_from_slice(&pattern(3000));
    let offload = Offload {
        flags: Offload::NEEDS_CHECKSUM,
        gso_type: Offload::TCP4,
        header_len: 54,
        gso_size: 1448,
        checksum_start: 34,
        checksum_offset: 16,
    };
    let number = send(&mut nic, offload, RAM, 3000);
    assert!(fake.get().sent.is_empty(), "not told yet");
    nic.tell();
    let (header, frame) = fake.get().sent[0].clone();
    assert_eq!(header, [1, 1, 54, 0, 0xa8, 5, 34, 0, 16, 0, 0, 0]);
    assert_eq!(frame, pattern(3000));
    assert_eq!(nic.sent(), Ok(number));
    assert_eq!(nic.sent(), Ok(None));
}

#[test]
fn a_full_ring_takes_no_more_and_frames_are_done_in_any_order() {
    let (fake, mut nic) = started();
    fake.set().prompt = false;
    let mut numbers = Vec::new();
    while nic.has_room() {
        numbers.extend(send(&mut nic, Offload::default(), RAM, 60));
    }
    assert_eq!(numbers.len(), FRAMES);
    assert_eq!(send(&mut nic, Offload::default(), RAM, 60), None);
    nic.tell();
    assert_eq!(nic.in_flight(), numbers.len());
    let mut state = fake.set();
    let last = state.pending.pop_back().unwrap();
    state.push(1, last, 0);
    drop(state);
    assert_eq!(nic.sent(), Ok(numbers.last().copied()));
    let again = send(&mut nic, Offload::default(), RAM, 14);
    assert_eq!(again, numbers.last().copied(), "one that has no rest");
}

#[test]
fn a_frame_in_several_buffers_is_one() {
    let (fake, mut nic) = started();
    let long = pattern(5000);
    assert!(
        fake.set()
            .deliver([0, 1, 54, 0, 0xa8, 5, 0, 0, 0, 0], &long, 3)
    );
    let frame = nic.received().unwrap().unwrap();
    assert_eq!(frame.len(), 5000);
    assert_eq!(frame.offload.gso_size, 1448);
    assert_eq!(content(&frame), long);
    assert_eq!(frame.start::<14>().unwrap(), long[..14]);
    assert_eq!(fake.get().receive_buffers(), 125);
    nic.give_back(frame);
    nic.tell();
    assert_eq!(fake.get().receive_buffers(), 128);
}

#[test]
fn a_frame_that_is_kept_is_not_overwritten_by_later_ones() {
    let (fake, mut nic) = started();
    assert!(fake.set().deliver([0; 10], &pattern(60), 1));
    let kept = nic.received().unwrap().unwrap();
    for n in 0..300 {
        assert!(fake.set().deliver([0; 10], &[n as u8; 100], 1), "{n}");
        let frame = nic.received().unwrap().unwrap();
        assert_eq!(content(&frame), [n as u8; 100]);
        nic.give_back(frame);
        nic.tell();
    }
    assert_eq!(content(&kept), pattern(60));
}

#[test]
fn a_device_that_says_what_cannot_be_is_left() {
    let fails = |change: fn(&mut State)| {
        let (fake, mut nic) = started();
        change(&mut fake.set());
        nic.received().unwrap_err()
    };
    assert_eq!(fails(|s| s.move_used(0, 129)), Error::UsedIndex(129));
    assert_eq!(fails(|s| s.push(0, 128, 60)), Error::UsedId(128));
    assert_eq!(fails(|s| s.push(0, 0, 4000)), Error::UsedLength(4000));
    assert_eq!(fails(|s| s.push(0, 0, 4)), Error::UsedLength(4));
    let more = fails(|s| assert!(s.deliver([0; 10], &[0; 60], 2)));
    assert_eq!(more, Error::UsedLength(2), "the second buffer is missing");
    let (fake, mut nic) = started();
    fake.set().push(1, 0, 0);
    assert_eq!(nic.sent(), Err(Error::UsedIndex(1)), "nothing was sent");
}

#[test]
fn the_link_goes_down_and_up() {
    let (fake, mut nic) = started();
    let mut change = |link| {
        let mut state = fake.set();
        state.link = link;
        state.isr = 2;
        drop(state);
        let changed = nic.interrupt().unwrap();
        (changed, nic.config().link)
    };
    assert_eq!(change(0), (true, false));
    assert_eq!(change(0), (false, false));
    assert_eq!(change(1), (true, true));
    let mut state = fake.set();
    (state.isr, state.status) = (2, 15 | 64);
    drop(state);
    assert_eq!(nic.interrupt(), Err(Error::NeedsReset));
}

#[test]
fn with_event_indices_the_device_is_told_once() {
    let (fake, mut nic) = started();
    assert_eq!(fake.get().notified[1], 0);
    for _ in 0..5 {
        send(&mut nic, Offload::default(), RAM, 60).unwrap();
    }
    nic.tell();
    nic.tell();
    assert_eq!(fake.get().notified[1], 1);
    // The device wishes to be told of the sixth.
    send(&mut nic, Offload::default(), RAM, 60).unwrap();
    nic.tell();
    assert_eq!(fake.get().notified[1], 2);
}

#[test]
fn nothing_is_missed_between_the_last_look_and_the_wait() {
    let (fake, mut nic) = started();
    assert!(!nic.arm(true));
    assert!(fake.set().deliver([0; 10], &[1; 60], 1));
    assert!(nic.arm(true), "it came meanwhile");
    let frame = nic.received().unwrap().unwrap();
    nic.give_back(frame);
    assert!(!nic.arm(true));
}

proptest! {
    /// Frames of any length come out as they went in, whatever was taken and given back before.
    #[test]
    fn frames_come_through(lengths in proptest::collection::vec(1_usize..9000, 1..60)) {
        let (fake, mut nic) = started();
        let mut held = Vec::new();
        for (n, len) in lengths.into_iter().enumerate() {
            let content_in: Vec<u8> = (0..len).map(|at| (at + n) as u8).collect();
            let buffers = (len + HEADER).div_ceil(BUFFER) as u16;
            prop_assert!(fake.set().deliver([0; 10], &content_in, buffers));
            let frame = nic.received().unwrap().unwrap();
            prop_assert_eq!(content(&frame), content_in);
            held.push(frame);
            if held.len() > 8 || n % 3 == 0 {
                nic.give_back(held.swap_remove(n % held.len()));
                nic.tell();
            }
        }
    }
}
