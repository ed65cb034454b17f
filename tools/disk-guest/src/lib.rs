// SPDX-License-Identifier: BSD-2-Clause
//! For tests of a VMM, both ends of its virtio disk: a [`Guest`]'s driver, whose requests the test chooses, and the [`Disk`] in
//! memory that a driver of ours would drive.
//!
//! Each sector that they write holds one value, 64 times, so that a sector tells which request has written it.
#![forbid(unsafe_code)]

mod disk;
mod guest;

pub use disk::Disk;
pub use guest::{Answer, Asked, Guest, Kind, NOTIFY, NotAsked, STARTED, STATUS_REGISTER};

/// Bytes of a sector.
pub const SECTOR: usize = 512;

/// The value that a sector holds; `None` if its words differ.
fn value(bytes: &[u8; SECTOR]) -> Option<u64> {
    let (words, _) = bytes.as_chunks::<8>();
    let (first, rest) = words.split_first()?;
    let same = rest.iter().all(|word| word == first);
    same.then_some(u64::from_le_bytes(*first))
}
