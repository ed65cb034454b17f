// SPDX-License-Identifier: BSD-2-Clause
//! A frame that was received.

use core::sync::atomic::AtomicU64;

use heapless::Vec;
use molt_net::{HEADER, Offload};
use molt_virtio::Region;

use crate::receive::{BUFFER, MERGED};

/// The most bytes of a frame that are looked at, with virtio's header.
const LOOKED_AT: usize = 64;

/// A frame that was received. It is in the ring memory until it is given back.
#[derive(Debug)]
pub struct Frame<'a> {
    /// The device's information about its checksum and segments.
    pub offload: Offload,
    /// Number and bytes used of each buffer; a multiple of 8 but for the last one.
    pub(crate) buffers: Vec<(u8, u16), MERGED>,
    pub(crate) memory: Region<'a>,
}

impl Frame<'_> {
    /// In bytes, without the header.
    pub fn len(&self) -> usize {
        let all: usize = self.buffers.iter().map(|(_, len)| usize::from(*len)).sum();
        all.saturating_sub(HEADER)
    }

    /// Whether there is nothing but a header.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first bytes of the frame, without the header; at most 52.
    pub fn start<const N: usize>(&self) -> Option<[u8; N]> {
        let (number, len) = self.buffers.first()?;
        let mut start = [0; LOOKED_AT];
        let start = start.get_mut(..LOOKED_AT.min(usize::from(*len)))?;
        molt_net::get(self.memory.words(), buffer(*number) as u64, start);
        start.get(HEADER..)?.first_chunk().copied()
    }

    /// Copies header and frame to `out` from byte `at`, a multiple of 8; nothing to what lies outside. The device may write this
    /// memory only until the frame was taken: a device that writes later damages only the frame.
    pub fn copy_to(&self, out: &[AtomicU64], at: u64) {
        let mut at = at;
        for (number, len) in &self.buffers {
            let from = (self.memory.words(), buffer(*number) as u64);
            molt_net::copy(from, (out, at), usize::from(*len));
            at += u64::from(*len);
        }
    }
}

/// Where a receive buffer is, in bytes.
const fn buffer(number: u8) -> usize {
    BUFFER * number as usize
}
