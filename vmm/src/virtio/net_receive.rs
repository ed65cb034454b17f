// SPDX-License-Identifier: BSD-2-Clause
//! Frames in the buffers that the guest has given for them (virtio 1.2, 5.1.6.3 and 5.1.6.4).

use heapless::Vec;
use molt_net::{HEADER, LONGEST, Offload, Segments, Sum};

use crate::ram::Ram;
use crate::virtio::queue::{Chain, Queue};

/// Most chains of one received frame.
const MERGED: usize = 64;

/// Segment `n` of a frame, with its header.
pub(crate) fn segment(
    segments: &Segments,
    n: usize,
    frame: &[u8],
) -> Option<Vec<u8, { HEADER + LONGEST }>> {
    let payload = frame.get(segments.payload(n))?;
    let mut segment = Vec::new();
    segment
        .extend_from_slice(&Offload::default().to_bytes(1))
        .ok()?;
    segment
        .extend_from_slice(frame.get(..segments.headers())?)
        .ok()?;
    segments.write(n, segment.get_mut(HEADER..)?, Sum::of(payload));
    segment.extend_from_slice(payload).ok()?;
    Some(segment)
}

/// What became of a frame for the guest.
pub(crate) enum Scattered {
    Done,
    NoRoom,
    Broken,
}

/// Copies a frame with its header into as many chains of the queue as it needs, and hands them back. Where buffers are not
/// merged it must fit into one.
pub(crate) fn scatter(
    queue: &mut Queue,
    ram: &Ram,
    chain: &mut Chain,
    frame: &[u8],
    merges: bool,
) -> Scattered {
    let mut used: Vec<(u16, u32), MERGED> = Vec::new();
    let mut count_at = None;
    let (mut at, len) = (0, frame.len());
    while at < len {
        match queue.pop(ram, chain) {
            Ok(true) if chain.readable == 0 && !chain.is_too_long() => {}
            Ok(false) => return Scattered::NoRoom,
            // A receive buffer that cannot be written (5.1.6.3.1).
            Ok(true) | Err(_) => return Scattered::Broken,
        }
        let start = at;
        for buffer in &chain.buffers {
            let end = len.min(at + buffer.length as usize);
            let Some(part) = frame.get(at..end) else {
                break;
            };
            if ram.write(buffer.address, part).is_none() {
                return Scattered::Broken;
            }
            at = end;
        }
        if count_at.is_none() {
            // The count of buffers lies in the first buffer, or it is too short for a header (5.1.6.3.1).
            let first = chain.buffers.first();
            let Some(first) = first.filter(|first| first.length as usize >= HEADER) else {
                return Scattered::Broken;
            };
            count_at = Some(first.address + HEADER as u64 - 2);
        }
        if used.push((chain.head, (at - start) as u32)).is_err() || !merges && at < len {
            return Scattered::NoRoom;
        }
    }
    let count = (used.len() as u16).to_le_bytes();
    let counted = count_at.and_then(|place| ram.write(place, &count));
    let pushed = used
        .iter()
        .all(|(head, written)| queue.push(ram, *head, *written).is_ok());
    match counted.is_some() && pushed {
        true => Scattered::Done,
        false => Scattered::Broken,
    }
}
