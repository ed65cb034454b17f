// SPDX-License-Identifier: BSD-2-Clause
//! For tests: checks whether a device that was stopped still writes to the memory that it shares with its driver.
//!
//! When the device has been seen to stop, this memory is filled with a pattern. After a wait, before the next generation
//! is granted it, it is compared. The number of words that differ is traced; it has to be 0.

use core::sync::atomic::Ordering;

use molt_system::{Holder, Region};
use molt_trace::{Event as Trace, WordRef};

use crate::{Attributes, Error, Kernel, Result, Rights, Slot, Space, Supervisor};

/// The pattern.
const PATTERN: u64 = 0x5a5a_a5a5_5a5a_a5a5;
/// The wait in us: longer than a throttled disk delays a write.
const WAIT_US: u64 = 500_000;
/// Where the memory is mapped for this: as far above the device's window, in the same GiB, where nothing else is.
const WINDOW: u64 = 0x2000_0000;
/// Its pages are large.
const LARGE: u32 = 21;

impl<'m, K: Kernel<'m>> Supervisor<'m, K> {
    /// The device has stopped; the next generation is granted the memory right after this.
    pub(crate) fn check_ring(&mut self, index: usize) {
        let filled = self.with_ring(index, |words| {
            words
                .iter()
                .for_each(|w| w.store(PATTERN, Ordering::Relaxed));
        });
        if filled.is_err() {
            return;
        }
        let end = self.us() + WAIT_US;
        while self.us() < end {
            core::hint::spin_loop();
        }
        let mut changed = 0;
        let looked = self.with_ring(index, |words| {
            changed = words
                .iter()
                .filter(|w| w.load(Ordering::Relaxed) != PATTERN)
                .count();
        });
        let value = looked.map_or(u64::MAX, |()| changed as u64);
        self.trace(Trace::Value {
            name: WordRef("dma-after-stop"),
            value,
        });
    }

    /// Maps the memory, for the time of `use_it`.
    fn with_ring(
        &mut self,
        index: usize,
        use_it: impl FnOnce(&[core::sync::atomic::AtomicU64]),
    ) -> Result {
        let unit = self.units.get(index).ok_or(Error::INVALID_ARGUMENT)?;
        let device = unit.plan.devices().first().ok_or(Error::INVALID_ARGUMENT)?;
        let vaddr = (device.update_vaddr >> LARGE << LARGE) + WINDOW;
        let ring = unit
            .estate
            .regions
            .iter()
            .find(|region| region.page_bits == LARGE && is_ring(region))
            .ok_or(Error::INVALID_ARGUMENT)?;
        let slot = self.books.take().ok_or(Error::NOT_ENOUGH_MEMORY)?;
        self.kernel
            .copy(Slot::Vault(slot), ring.first, Rights::ALL)?;
        let rights = Rights::READ_WRITE;
        self.kernel
            .map(slot, Space::Own, vaddr, rights, Attributes::Normal)?;
        use_it(self.kernel.words(vaddr, 1 << LARGE));
        self.kernel.delete(slot)?;
        self.books.give_back(slot);
        Ok(())
    }
}

/// Whether only the driver, and its device, have it.
fn is_ring(region: &Region) -> bool {
    region
        .mappings()
        .iter()
        .all(|mapping| mapping.holder() == Holder::Generation)
}
