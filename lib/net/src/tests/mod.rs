// SPDX-License-Identifier: BSD-2-Clause
//! Buffers over a change of generations, and checksums.

use std::sync::atomic::{AtomicU64, Ordering};

use molt_queue::Payload;
use proptest::prelude::*;

use crate::*;

mod segments;

const REGION: usize = 0x20_0000;

fn words(bytes: usize) -> Vec<AtomicU64> {
    (0..bytes / 8).map(|_| AtomicU64::new(0)).collect()
}

#[test]
fn buffers_lie_behind_the_ring_side_by_side() {
    let buffers = Buffers::of(REGION);
    assert_eq!(buffers.each(), 15);
    let all: Vec<Packet> = [Op::Send, Op::Receive]
        .into_iter()
        .flat_map(|op| (0..15).filter_map(move |n| buffers.packet(op, n)))
        .collect();
    let mut end = 8 * molt_queue::layout::words::<Packet>() as u64;
    for packet in &all {
        assert!(packet.offset >= end && packet.check().is_ok());
        end = packet.offset + u64::from(packet.len);
    }
    assert_eq!(all.len(), 30);
    assert!(end <= REGION as u64);
    assert_eq!(buffers.packet(Op::Send, 15), None);
    assert_eq!(Buffers::of(4 * REGION).each(), 32, "as many as slots");
    assert_eq!(Buffers::of(0x1_0000).each(), 0);
}

#[test]
fn a_frame_is_not_sent_by_the_next_generation_and_a_receive_buffer_is_its() {
    let region = words(REGION);
    let buffers = Buffers::of(REGION);
    let mut client = Client::new(&region);
    client.resume(0);
    let packet = |op, n| buffers.packet(op, n).unwrap();
    client.submit(&packet(Op::Send, 0)).unwrap();
    client.submit(&packet(Op::Receive, 0)).unwrap();
    client.submit(&packet(Op::Send, 1)).unwrap();
    let mut server = Server::new(&region, 0);
    let mut taken = Packet::default();
    let slot = server.take(&mut taken).unwrap().unwrap();
    assert_eq!(taken, packet(Op::Send, 0));
    server.complete(slot, Answer::Sent).unwrap();
    assert!(matches!(client.poll(), Some(Ok((_, Answer::Sent)))));
    let is_send = |packet: &Packet| packet.op == Op::Send;
    assert_eq!(client.withdraw(is_send), None, "not while it is open");
    client.close();
    // The second frame may have been sent, or not.
    assert_eq!(
        client.withdraw(is_send).map(|token| token.serial()),
        Some(2)
    );
    assert_eq!(client.withdraw(is_send), None);
    client.resume(1);
    let mut server = Server::new(&region, 1);
    let slot = server.take(&mut taken).unwrap().unwrap();
    assert_eq!(taken, packet(Op::Receive, 0));
    assert!(server.take(&mut taken).is_none());
    server.complete(slot, Answer::Received(72)).unwrap();
    assert!(matches!(client.poll(), Some(Ok((_, Answer::Received(72))))));
    assert_eq!(client.owed(), 0);
}

#[test]
fn what_contradicts_itself_is_refused() {
    let good = Buffers::of(REGION).packet(Op::Send, 0).unwrap();
    let refused = |packet: Packet| packet.check().unwrap_err();
    let at = |offset| Packet { offset, ..good };
    let long = |len| Packet { len, ..good };
    assert_eq!(refused(at(4)), Malformed::Offset);
    assert_eq!(refused(at(u64::MAX - 7)), Malformed::Offset);
    assert_eq!(refused(long(HEADER as u32)), Malformed::Length);
    assert_eq!(refused(long(BUFFER as u32 + 1)), Malformed::Length);
    let mut packet = Packet::default();
    assert_eq!(packet.read(|n| [3 | 100 << 32, 8][n]), None, "no such op");
    assert_eq!(Packet::answer_from_word(1 | 1 << 32), None);
    assert_eq!(Packet::answer_from_word(4), None);
}

#[test]
fn properties_come_through() {
    let properties = Properties {
        mac: [2, 1, 2, 3, 4, 5],
        link: true,
        checksum: false,
        tcp4: true,
        tcp6: false,
    };
    let words = Packet::properties_to_words(&properties);
    assert_eq!(Packet::properties_from_words(words), properties);
}

/// UDP over IPv4 from RFC 1071's arithmetic: 10.0.0.1:1 to 10.0.0.2:2, payload "abc".
#[test]
fn a_checksum_is_completed() {
    let udp = [0, 1, 0, 2, 0, 11, 0, 0, b'a', b'b', b'c'];
    let pseudo = [10, 0, 0, 1, 10, 0, 0, 2, 0, 17, 0, 11];
    let sum = segments::sum;
    let mut frame = [[0; 34].as_slice(), &udp].concat();
    frame[40..42].copy_from_slice(&sum(&pseudo).to_be_bytes());
    let mut offload = Offload {
        flags: Offload::NEEDS_CHECKSUM,
        checksum_start: 34,
        checksum_offset: 6,
        ..Offload::default()
    };
    offload.complete(&mut frame);
    assert_eq!(
        sum(&[&pseudo, &frame[34..]].concat()),
        0xffff,
        "a receiver finds it right"
    );
    assert_eq!(offload.flags, Offload::DATA_VALID);
}

#[test]
fn an_offload_must_fit_its_frame() {
    let good = Offload {
        flags: 1,
        gso_type: Offload::TCP6 | Offload::ECN,
        header_len: 74,
        gso_size: 1428,
        checksum_start: 54,
        checksum_offset: 16,
    };
    assert!(good.fits(72) && !good.fits(71));
    assert!(Offload::default().fits(0));
    let bad = |change: fn(&mut Offload)| {
        let mut offload = good;
        change(&mut offload);
        !offload.fits(1000)
    };
    assert!(bad(|o| o.flags = 0), "segmentation needs a checksum");
    assert!(bad(|o| o.flags = 0x81), "an unknown flag");
    assert!(bad(|o| o.gso_type = 3), "UDP is not offered");
    assert!(bad(|o| o.gso_type = Offload::ECN), "ECN of nothing");
    assert!(bad(|o| o.gso_size = 0));
    assert!(bad(|o| o.checksum_start = u16::MAX));
}

proptest! {
    #[test]
    fn any_header_comes_through(bytes: [u8; HEADER]) {
        let (offload, buffers) = Offload::from_bytes(bytes);
        prop_assert_eq!(offload.to_bytes(buffers), bytes);
    }

    /// Whatever the words are, nothing outside the region is reached, and what was put is got.
    #[test]
    fn bytes_come_through(offset in 0_u64..40, bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let region = words(256);
        let offset = offset * 8;
        put(&region, offset, &bytes);
        let mut out = bytes.clone();
        get(&region, offset, &mut out);
        prop_assert_eq!(out, bytes);
        prop_assert!(region.iter().take((offset / 8) as usize).all(|word| word.load(Ordering::Relaxed) == 0));
    }
}
