// SPDX-License-Identifier: BSD-2-Clause
//! Latencies, counted in buckets that are a sixty-fourth of an octave wide.

use alloc::vec;
use alloc::vec::Vec;

const PARTS: usize = 64;
const BUCKETS: usize = 64 * PARTS;

/// A count of latencies in nanoseconds.
pub struct Histogram {
    buckets: Vec<u32>,
    count: u64,
    max: u64,
}

impl Histogram {
    /// An empty one.
    pub fn new() -> Self {
        Self {
            buckets: vec![0; BUCKETS],
            count: 0,
            max: 0,
        }
    }

    /// Adds one latency.
    pub fn add(&mut self, nanoseconds: u64) {
        if let Some(bucket) = self.buckets.get_mut(bucket(nanoseconds)) {
            *bucket = bucket.saturating_add(1);
        }
        self.count += 1;
        self.max = self.max.max(nanoseconds);
    }

    /// How many were added.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The latency that `percent` in a hundred do not exceed: the upper end of its bucket.
    pub fn percentile(&self, percent: u64) -> u64 {
        let wanted = (self.count * percent).div_ceil(100);
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted {
                return upper_end(index).min(self.max);
            }
        }
        self.max
    }
}

fn bucket(value: u64) -> usize {
    let value = value.max(PARTS as u64);
    let octave = value.ilog2() as usize;
    let part = (value >> (octave - PARTS.ilog2() as usize)) as usize & (PARTS - 1);
    octave * PARTS + part
}

fn upper_end(bucket: usize) -> u64 {
    let (octave, part) = (bucket / PARTS, bucket % PARTS);
    ((PARTS + part + 1) as u64)
        .checked_shl(octave.saturating_sub(PARTS.ilog2() as usize) as u32)
        .unwrap_or(u64::MAX)
        .saturating_sub(1)
}
