// SPDX-License-Identifier: BSD-2-Clause
//! The disk: words in a region.

use core::sync::atomic::{AtomicU64, Ordering};

use molt_block_queue::{Op, Request, SECTOR, Status};

/// Carries out a request on a share that begins at sector `first` of the disk and has `sectors`.
pub fn run(
    disk: &[AtomicU64],
    data: &[AtomicU64],
    first: u64,
    sectors: u64,
    request: &Request,
) -> Status {
    let end = request.sector.checked_add(request.sectors.into());
    if end.is_none_or(|end| end > sectors) {
        return Status::IoError;
    }
    let mut at = (first + request.sector) * SECTOR / 8;
    for segment in &request.segments {
        let words = u64::from(segment.len) / 8;
        let medium = part(disk, at, words);
        let memory = part(data, segment.offset / 8, words);
        let (Some(medium), Some(memory)) = (medium, memory) else {
            return Status::IoError;
        };
        let (from, to) = match request.op {
            Op::Read => (medium, memory),
            Op::Write => (memory, medium),
            _ => return Status::Unsupported,
        };
        for (from, to) in from.iter().zip(to) {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        at += words;
    }
    Status::Ok
}

fn part(words: &[AtomicU64], first: u64, count: u64) -> Option<&[AtomicU64]> {
    let first = usize::try_from(first).ok()?;
    let count = usize::try_from(count).ok()?;
    words.get(first..first.checked_add(count)?)
}
