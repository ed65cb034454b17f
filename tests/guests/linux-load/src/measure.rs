// SPDX-License-Identifier: BSD-2-Clause
//! One row: requests in flight at a constant depth, each one's time, and what is printed of them.

use molt_guest::{Measured, Wanted};
use molt_linux_system::mark::{self, BEGIN, END};
use molt_linux_system::{Aio, Errno, File, now, say};

use crate::row::Row;

/// Requests before the measurement, and the most in one.
const WARM_UP: usize = 200;
const MOST: usize = 1 << 16;
/// Offsets are within this many bytes from the start of the disk, which every system that is measured has.
const SPAN: u64 = 16 << 20;

/// Offsets.
struct Offsets<'a> {
    row: &'a Row,
    blocks: u64,
    state: u64,
}

impl Offsets<'_> {
    fn next(&mut self) -> u64 {
        if self.row.random {
            // xorshift64 (Marsaglia, 2003).
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
        } else {
            self.state += 1;
        }
        self.state % self.blocks * self.row.bytes as u64
    }
}

/// Measures a row and prints its results.
pub fn row(row: &Row, disk: &File, size: u64, wanted: &Wanted) -> Result<(), Errno> {
    let mut aio = Aio::new(disk, row.depth, row.bytes)?;
    let mut offsets = Offsets {
        row,
        blocks: (size.min(SPAN) / row.bytes as u64).max(1),
        state: wanted.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
    };
    let mut times = [0_u32; MOST];
    let times = times
        .get_mut(..wanted.requests.clamp(1, MOST))
        .unwrap_or(&mut []);
    let warm_up = times.len().min(WARM_UP);
    let (warm_up, _) = times.split_at_mut(warm_up);
    let mut failed = requests(row, &mut aio, &mut offsets, warm_up)?;
    mark::here::<BEGIN>();
    let start = now();
    failed += requests(row, &mut aio, &mut offsets, times)?;
    let elapsed = now() - start;
    mark::here::<END>();
    if failed > 0 {
        say!("error: {failed} requests of {} failed", row.name);
    }
    let measured = Measured {
        name: row.name,
        bytes: row.bytes,
        depth: row.depth,
        elapsed_ns: elapsed,
    };
    measured.print(times, molt_linux_system::print_line);
    Ok(())
}

/// Makes as many requests as there are places for their times; returns how many failed.
fn requests(
    row: &Row,
    aio: &mut Aio<'_>,
    offsets: &mut Offsets<'_>,
    times: &mut [u32],
) -> Result<u64, Errno> {
    let mut starts = [0_u64; 32];
    let (mut started, mut ended, mut failed) = (0, 0, 0);
    let mut free = u32::MAX >> (32 - aio.depth());
    while ended < times.len() {
        while free != 0 && started < times.len() {
            let slot = free.trailing_zeros() as usize;
            free &= free - 1;
            aio.prepare(slot, row.operation, offsets.next());
            if let Some(start) = starts.get_mut(slot) {
                *start = now();
            }
            started += 1;
        }
        aio.submit()?;
        aio.wait(|slot, succeeded| {
            free |= 1 << slot;
            failed += u64::from(!succeeded);
            let start = starts.get(slot).copied().unwrap_or(0);
            if let Some(time) = times.get_mut(ended) {
                *time = u32::try_from(now() - start).unwrap_or(u32::MAX);
            }
            ended += 1;
        })?;
    }
    Ok(failed)
}
