// SPDX-License-Identifier: BSD-2-Clause
//! What is left to be done on a frame, with a device that does not do it.

use molt_net::{Answer, Sum};

use super::driver::{ALL, OUTSIDE, Rig, frame, own, share};
use crate::fake::State;
use crate::transmit::FRAMES;
use crate::{Features, HEADER, Offload, Service};

/// Headers of Ethernet, IPv4 and TCP.
const HEADERS: usize = 54;

fn rig() -> Rig {
    let bare = |state: &mut State| {
        state.offered &= !Features::CSUM.bits();
        state.prompt = false;
    };
    let mut rig = Rig::with(15, share, bare);
    // From now on the switch knows where it is.
    rig.deliver(&frame(own(0), OUTSIDE, 60));
    assert_eq!(rig.answers(0).len(), 1);
    rig
}

/// A frame of TCP with `payload` bytes of payload.
fn tcp(payload: usize, size: u16) -> (Offload, Vec<u8>) {
    let mut frame = frame(OUTSIDE, own(0), HEADERS + payload);
    frame[14] = 0x45;
    frame[34 + 12] = 5 << 4;
    let offload = Offload {
        flags: Offload::NEEDS_CHECKSUM,
        gso_type: Offload::TCP4,
        header_len: HEADERS as u16,
        gso_size: size,
        checksum_start: 34,
        checksum_offset: 16,
    };
    (offload, frame)
}

impl Rig {
    /// The device is done with the frame that it got as number `n` of those that it has.
    fn done(&mut self, n: usize) {
        let mut state = self.fake.set();
        let head = state.pending.remove(n).unwrap();
        state.push(1, head, 0);
        drop(state);
        self.driver.pump().unwrap();
    }
}

#[test]
fn a_checksum_is_completed_for_the_outside_and_left_to_a_client() {
    let mut rig = rig();
    let half_done = Offload {
        flags: Offload::NEEDS_CHECKSUM,
        checksum_start: 34,
        checksum_offset: 16,
        ..Offload::default()
    };
    for len in [52, 60, 61, 300] {
        let whole = frame(ALL, own(0), len);
        rig.submit(0, half_done, &whole);
        rig.driver.pump().unwrap();
        let (header, sent) = rig.fake.get().sent.last().cloned().unwrap();
        assert_eq!(header, [0; HEADER], "nothing is left to be done");
        // A receiver adds the pseudo-header's sum, which the field held before, and finds no remainder.
        let pseudo_header = Sum::of(&whole[50..52]);
        assert_eq!(Sum::of(&sent[34..]).and(pseudo_header).value(), 0xffff);
        assert_eq!((&sent[..50], &sent[52..]), (&whole[..50], &whole[52..]));
        assert_eq!(rig.received(1), [whole]);
        rig.done(0);
        assert_eq!(rig.answers(0).len(), 1);
    }
}

#[test]
fn a_long_frame_goes_out_in_segments_as_there_is_room_and_is_answered_once() {
    let mut rig = rig();
    let (offload, whole) = tcp(100 * 600, 600);
    let token = rig.submit(0, offload, &whole);
    rig.driver.pump().unwrap();
    assert_eq!(rig.sent().len(), FRAMES, "as many as the ring has room for");
    let other = frame(OUTSIDE, own(1), 60);
    let theirs = rig.submit(1, Offload::default(), &other);
    // The device is done with them in no order.
    rig.done(FRAMES - 1);
    rig.done(3);
    assert_eq!(rig.sent()[FRAMES..].len(), 2);
    assert!(
        rig.sent()[FRAMES..].contains(&other),
        "the others have their turn"
    );
    while rig.sent().len() < 101 {
        rig.done(1);
    }
    let left = rig.fake.get().pending.len();
    for _ in 1..left {
        rig.done(1);
        assert!(rig.answers(0).is_empty(), "one is still with the device");
    }
    assert_eq!(rig.fake.get().pending.len(), 1, "nothing is sent twice");
    rig.done(0);
    assert_eq!(rig.answers(0), [(token, Answer::Sent)]);
    assert_eq!(rig.answers(1), [(theirs, Answer::Sent)]);
    let segments = rig.sent().into_iter().filter(|frame| *frame != other);
    let payload: Vec<u8> = segments
        .flat_map(|frame| frame[HEADERS..].to_vec())
        .collect();
    assert_eq!(payload, whole[HEADERS..]);
}

#[test]
fn a_frame_that_was_sent_in_part_is_not_answered_at_the_end_of_a_generation() {
    let mut rig = rig();
    let (offload, whole) = tcp(100 * 600, 600);
    rig.submit(0, offload, &whole);
    rig.driver.pump().unwrap();
    rig.driver.set_taking(false);
    for left in (0..FRAMES).rev() {
        rig.done(0);
        assert_eq!(rig.driver.in_flight(), left);
    }
    assert!(rig.answers(0).is_empty());
    rig.swap();
    rig.driver.pump().unwrap();
    assert_eq!(
        rig.sent().len(),
        FRAMES,
        "the rest is lost, and nothing is sent twice"
    );
}

#[test]
fn headers_that_contradict_each_other_go_nowhere() {
    let mut rig = rig();
    let (offload, mut whole) = tcp(3000, 1460);
    whole[14] = 0x46;
    rig.submit(0, offload, &whole);
    rig.driver.pump().unwrap();
    assert!(rig.sent().is_empty());
    assert!(matches!(rig.answers(0)[..], [(_, Answer::Dropped)]));
}

#[test]
fn between_clients_nothing_is_cut() {
    let mut rig = rig();
    let (offload, mut whole) = tcp(3000, 1460);
    whole[..6].copy_from_slice(&own(1));
    rig.submit(0, offload, &whole);
    rig.driver.pump().unwrap();
    assert_eq!(rig.received(1), [whole]);
    assert!(rig.sent().is_empty());
}
