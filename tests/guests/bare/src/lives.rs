// SPDX-License-Identifier: BSD-2-Clause
//! A guest that resets itself: each of its first lives ends in another way. Which one it is stands on the disk, in the last block
//! of its share.

use core::ptr;

use crate::console::say;
use crate::disk::{Disk, Transfer};
use crate::interrupts::Gic;
use crate::processor;

/// Before the number of the life.
const MARK: &[u8; 8] = b"a life: ";
/// Memory that the guest's program, its RAM disk and its device tree leave free.
const FREE: usize = 0x4180_0000;
/// Requests before the reset in an interrupt's handler.
const REQUESTS: u64 = 300;

/// How this life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With a reset in the handler of the disk's interrupt, which is active, and with requests in flight.
    InInterrupt,
    /// With a reset when its offer was taken and is not confirmed.
    Offered,
    /// With a reset when its offer is confirmed.
    Confirmed,
    /// With its work.
    Done,
}

/// Reads on the disk which life this is, and writes the next one there. Checks that nothing of the life before is in memory.
pub fn begin(disk: &mut Disk, gic: &Gic) -> Ending {
    let number = disk.blocks().saturating_sub(1);
    let read = disk.transfer(gic, Transfer::Read, number);
    let mut life = 0;
    if let Some(block) = disk.block(0) {
        let (mark, rest) = block.split_at_mut(MARK.len());
        if let (true, Some(count)) = (mark == MARK, rest.first_mut()) {
            life = *count;
        }
        mark.copy_from_slice(MARK);
        if let Some(count) = rest.first_mut() {
            *count = life.saturating_add(1);
        }
    }
    if !(read && disk.transfer(gic, Transfer::Write, number)) {
        say!("error: the number of the life is lost");
    }
    let free = ptr::with_exposed_provenance_mut::<u64>(FREE);
    // SAFETY: memory of this guest's that nobody uses.
    if unsafe { free.read_volatile() } != 0 {
        say!("error: there is something of the life before in memory");
    }
    // SAFETY: as above.
    unsafe { free.write_volatile(u64::MAX) };
    say!("life {life}");
    match life {
        0 => Ending::InInterrupt,
        1 => Ending::Offered,
        2 => Ending::Confirmed,
        _ => Ending::Done,
    }
}

impl Ending {
    /// The disk's interrupt is active. So many requests were completed.
    pub fn in_interrupt(self, requests: u64) {
        if self == Self::InInterrupt && requests >= REQUESTS {
            reset();
        }
    }

    /// The state of the offer: taken and not confirmed, or confirmed.
    pub fn offer(self, unconfirmed: bool, confirmed: bool) {
        if self == Self::Offered && unconfirmed || self == Self::Confirmed && confirmed {
            reset();
        }
    }
}

fn reset() {
    processor::system_reset();
    say!("error: the guest was not reset");
}
