// SPDX-License-Identifier: BSD-2-Clause
//! Segments, as their receiver finds them.

use proptest::prelude::*;

use super::words;
use crate::*;

/// The sum of big-endian halfwords, as RFC 1071 writes it down.
pub(super) fn sum(bytes: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// A frame of TCP with `options` words of options, as Linux gives it to a card that cuts segments.
fn frame(v6: bool, tagged: bool, options: u8, payload: &[u8], size: u16) -> (Offload, Vec<u8>) {
    let tcp_len = 20 + 4 * usize::from(options) + payload.len();
    let mut frame = vec![2; 12];
    if tagged {
        frame.extend([0x81, 0, 0, 7]);
    }
    let network = frame.len() + 2;
    let (addresses, kind) = match v6 {
        false => {
            frame.extend([8, 0, 0x45, 0]);
            frame.extend(((20 + tcp_len) as u16).to_be_bytes());
            frame.extend([
                0xff, 0xfe, 0x40, 0, 64, 6, 0xde, 0xad, 10, 0, 0, 1, 10, 0, 0, 2,
            ]);
            (8, Offload::TCP4)
        }
        true => {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend((tcp_len as u16).to_be_bytes());
            frame.extend([6, 64]);
            frame.extend(1..=32);
            (32, Offload::TCP6)
        }
    };
    let start = frame.len();
    let pseudo = [
        &frame[start - addresses..],
        &[0, 6],
        &(tcp_len as u16).to_be_bytes(),
    ]
    .concat();
    frame.extend([
        0,
        80,
        1,
        0,
        0xff,
        0xff,
        0xff,
        0xf0,
        1,
        2,
        3,
        4,
        (5 + options) << 4,
        0x99,
        1,
        1,
    ]);
    frame.extend(sum(&pseudo).to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(vec![1; 4 * usize::from(options)]);
    frame.extend(payload);
    let offload = Offload {
        flags: Offload::NEEDS_CHECKSUM,
        gso_type: kind | Offload::ECN,
        header_len: 0,
        gso_size: size,
        checksum_start: start as u16,
        checksum_offset: 16,
    };
    assert!(network < start);
    (offload, frame)
}

/// What goes over the wire.
fn cut(offload: &Offload, frame: &[u8]) -> Option<Vec<Vec<u8>>> {
    let start = &frame[..frame.len().min(HEADERS)];
    let segments = Segments::of(start, frame.len(), offload)?;
    let one = |n| {
        let mut headers = start.to_vec();
        let payload = &frame[segments.payload(n)];
        segments.write(n, &mut headers, Sum::of(payload));
        [&headers[..segments.headers()], payload].concat()
    };
    Some((0..segments.count()).map(one).collect())
}

proptest! {
    /// A receiver finds every segment right, and the stream as it was sent.
    #[test]
    fn a_receiver_finds_the_stream(
        v6: bool, tagged: bool, options in 0_u8..=10,
        payload in proptest::collection::vec(any::<u8>(), 1..5000), size in 1_u16..1400,
    ) {
        let (offload, frame) = frame(v6, tagged, options, &payload, size);
        let all = cut(&offload, &frame).unwrap();
        prop_assert_eq!(all.len(), payload.len().div_ceil(size.into()));
        let start = usize::from(offload.checksum_start);
        let network = if tagged { 18 } else { 14 };
        let mut stream = Vec::new();
        for (n, segment) in all.iter().enumerate() {
            let (internet, tcp) = segment.split_at(start);
            let (is_first, is_last) = (n == 0, n + 1 == all.len());
            prop_assert_eq!(&internet[..network], &frame[..network]);
            let len = u16::from_be_bytes(internet[network + if v6 { 4 } else { 2 }..][..2].try_into().unwrap());
            prop_assert_eq!(usize::from(len), segment.len() - network - if v6 { 40 } else { 0 });
            if !v6 {
                prop_assert_eq!(sum(&internet[network..]), 0xffff);
                let identification = u16::from_be_bytes([internet[network + 4], internet[network + 5]]);
                prop_assert_eq!(identification, 0xfffe_u16.wrapping_add(n as u16));
            }
            let addresses = &internet[start - if v6 { 32 } else { 8 }..];
            let pseudo = [addresses, &[0, 6], &(tcp.len() as u16).to_be_bytes()].concat();
            prop_assert_eq!(sum(&[&pseudo, tcp].concat()), 0xffff);
            let sequence = u32::from_be_bytes(tcp[4..8].try_into().unwrap());
            prop_assert_eq!(sequence, 0xffff_fff0_u32.wrapping_add((n * usize::from(size)) as u32));
            // CWR is the first one's, PSH and FIN are the last one's, ACK is everyone's (RFC 3168, 6.1.2).
            let flags = 0x10 | if is_first { 0x80 } else { 0 } | if is_last { 9 } else { 0 };
            prop_assert_eq!(tcp[13], flags);
            let headers = 20 + 4 * usize::from(options);
            prop_assert!(is_last || tcp.len() == headers + usize::from(size));
            stream.extend_from_slice(&tcp[headers..]);
        }
        prop_assert_eq!(stream, payload);
    }

    /// Nothing that a sender writes makes a segment longer than a frame, or one of anything but its own bytes.
    #[test]
    fn hostile_headers_do_no_harm(
        header: [u8; HEADER], mut start in proptest::collection::vec(any::<u8>(), 15..200), len in 0_usize..70_000,
        tcp4: bool, place in 14_u16..60, size in 1_u16..3000,
    ) {
        let mut offload = Offload::from_bytes(header).0;
        if tcp4 {
            offload = Offload { flags: 1, gso_type: 1, checksum_start: place, checksum_offset: 16, gso_size: size, ..offload };
            (start[12], start[13], start[14]) = (8, 0, 0x45);
        }
        let len = len.max(start.len());
        start.truncate(HEADERS);
        let Some(segments) = Segments::of(&start, len, &offload) else {
            return Ok(());
        };
        let mut at = segments.headers();
        for n in 0..segments.count() {
            let payload = segments.payload(n);
            prop_assert_eq!(payload.start, at);
            prop_assert!(segments.headers() + payload.len() <= LONGEST);
            at = payload.end;
            segments.write(n, &mut start.clone(), Sum::default());
        }
        prop_assert_eq!(at, len);
        prop_assert!(segments.payload(segments.count()).is_empty());
    }

    #[test]
    fn a_sum_is_the_same_from_everywhere(before in 0_usize..20, bytes in proptest::collection::vec(any::<u8>(), 0..70), cut in 0_usize..70) {
        let region = words(128);
        let all = [vec![0xa5; before], bytes.clone(), vec![0x5a; 9]].concat();
        put(&region, 0, &all);
        prop_assert_eq!(Sum::of(&bytes).value() % 0xffff, sum(&bytes) % 0xffff);
        let of_region = Sum::of_region(&region, before as u64, bytes.len());
        prop_assert_eq!(of_region.value() % 0xffff, sum(&bytes) % 0xffff);
        let (first, second) = bytes.split_at(cut.min(bytes.len()));
        let both = Sum::of(first).and(Sum::of(second).at(first.len()));
        prop_assert_eq!(both.value() % 0xffff, sum(&bytes) % 0xffff);
    }
}

#[test]
fn a_frame_without_segments_gets_its_checksum_alone() {
    let (long, whole) = frame(false, false, 0, b"abc", 1000);
    let offload = Offload {
        gso_type: 0,
        gso_size: 0,
        ..long
    };
    let mut expected = whole.clone();
    offload.clone().complete(&mut expected);
    assert_eq!(cut(&offload, &whole), Some(vec![expected]));
}

#[test]
fn what_cannot_be_cut_is_refused() {
    let (good, whole) = frame(false, false, 0, &[0; 3000], 1460);
    assert_eq!(cut(&good, &whole).map(|all| all.len()), Some(3));
    let refused = |offload: Offload| cut(&offload, &whole).is_none();
    assert!(
        refused(Offload {
            gso_size: 1461 + 4,
            ..good
        }),
        "longer than a frame"
    );
    assert!(
        refused(Offload {
            gso_type: Offload::TCP6,
            ..good
        }),
        "IPv4 is not IPv6"
    );
    assert!(
        refused(Offload {
            checksum_offset: 6,
            ..good
        }),
        "not TCP's field"
    );
    assert!(
        refused(Offload {
            checksum_start: 38,
            ..good
        }),
        "not where IP's header ends"
    );
    assert!(
        refused(Offload {
            gso_type: 0,
            ..good
        }),
        "not cut, and too long"
    );
}
