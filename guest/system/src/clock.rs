// SPDX-License-Identifier: BSD-2-Clause
//! The kernel's monotonic clock, a watchdog by it, and the processor that a program runs on.

use crate::{Errno, File, call};

const TIMERFD_CREATE: usize = 85;
const TIMERFD_SETTIME: usize = 86;
const CLOCK_GETTIME: usize = 113;
const SCHED_SETAFFINITY: usize = 122;
const SCHED_GETAFFINITY: usize = 123;

const CLOCK_MONOTONIC: usize = 1;
/// The program itself.
const SELF: usize = 0;
const SECOND: u64 = 1_000_000_000;

/// `CLOCK_MONOTONIC` in nanoseconds, by a system call.
///
/// # Errors
/// The kernel's.
pub fn monotonic() -> Result<u64, Errno> {
    let mut time = [0_u64; 2];
    let address = time.as_mut_ptr() as usize;
    call(CLOCK_GETTIME, [CLOCK_MONOTONIC, address, 0, 0, 0, 0])?;
    let [seconds, nanoseconds] = time;
    Ok(seconds * SECOND + nanoseconds)
}

/// A watchdog: a timer that expires, by `CLOCK_MONOTONIC`, if it is not fed for a time.
pub struct Watchdog {
    timer: File,
    /// In nanoseconds.
    patience: u64,
}

impl Watchdog {
    /// One that was not fed yet.
    ///
    /// # Errors
    /// The kernel's.
    pub fn new(patience: u64) -> Result<Self, Errno> {
        let timer = call(TIMERFD_CREATE, [CLOCK_MONOTONIC, 0, 0, 0, 0, 0]).map(File)?;
        Ok(Self { timer, patience })
    }

    /// Has it begin anew. Returns whether it had expired since it was fed last; also if it never was.
    ///
    /// # Errors
    /// The kernel's.
    pub fn feed(&self) -> Result<bool, Errno> {
        // `struct itimerspec`: not repeated, and when it expires. What was left of the time before: nothing, if it has expired.
        let times = [0, 0, self.patience / SECOND, self.patience % SECOND];
        let mut before = [0_u64; 4];
        let (new, old) = (times.as_ptr() as usize, before.as_mut_ptr() as usize);
        call(TIMERFD_SETTIME, [self.timer.0, 0, new, old, 0, 0])?;
        Ok(before == [0; 4])
    }
}

/// The processors that this program may run on, a bit for each; of at most 64.
///
/// # Errors
/// The kernel's.
pub fn processors() -> Result<u64, Errno> {
    let mut all = 0_u64;
    let address = &raw mut all as usize;
    call(
        SCHED_GETAFFINITY,
        [SELF, size_of::<u64>(), address, 0, 0, 0],
    )?;
    Ok(all)
}

/// Has this program run on this processor.
///
/// # Errors
/// The kernel's.
pub fn run_on(processor: u32) -> Result<(), Errno> {
    let only = 1_u64 << (processor % u64::BITS);
    let address = &raw const only as usize;
    call(
        SCHED_SETAFFINITY,
        [SELF, size_of::<u64>(), address, 0, 0, 0],
    )
    .map(drop)
}
