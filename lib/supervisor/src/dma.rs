// SPDX-License-Identifier: BSD-2-Clause
//! For tests: checks whether a device that was stopped still writes to the memory that it shares with its driver.
//!
//! When the device has been seen to stop, this memory is filled with a pattern. After a wait, before the next generation
//! is granted it, it is compared. The number of words that differ is traced; it has to be 0.

use core::sync::atomic::Ordering;

use molt_trace::{Event as Trace, WordRef};

use crate::probe::is_ring;
use crate::{Attributes, Error, Kernel, Result, Supervisor};

/// The pattern.
const PATTERN: u64 = 0x5a5a_a5a5_5a5a_a5a5;
/// The wait in us: longer than a throttled disk delays a write.
const WAIT_US: u64 = 500_000;
/// Where its pages are mapped for this if they are large: as far above the device's window, in the same GiB, where nothing else
/// is.
const WINDOW: u64 = 0x2000_0000;
/// log2 of the bytes of a large page.
const LARGE: u32 = 21;
/// Where they are mapped if they are small: so far above the beginning of the 2 MiB in which the device's window is, for which there is
/// a translation table. It is the last page there.
const LAST_PAGE: u64 = (1 << LARGE) - (1 << 12);

impl<'m, K: Kernel<'m>> Supervisor<'m, K> {
    /// The device has stopped; the next generation is granted the memory right after this.
    pub(crate) fn check_ring(&mut self, index: usize) {
        let filled = self.each_page(index, |words| {
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
        let looked = self.each_page(index, |words| {
            changed += words
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

    /// Maps the pages of the memory one after the other, each for the time of `use_it`.
    fn each_page(
        &mut self,
        index: usize,
        mut use_it: impl FnMut(&[core::sync::atomic::AtomicU64]),
    ) -> Result {
        let unit = self.units.get(index).ok_or(Error::INVALID_ARGUMENT)?;
        let device = unit.plan.devices().first().ok_or(Error::INVALID_ARGUMENT)?;
        let regions = &unit.estate.regions;
        let ring = regions.iter().find(|region| is_ring(region));
        let ring = ring.ok_or(Error::INVALID_ARGUMENT)?;
        let start = device.update_vaddr >> LARGE << LARGE;
        let vaddr = match ring.page_bits {
            LARGE => start + WINDOW,
            _ => start + LAST_PAGE,
        };
        for n in 0..ring.count {
            let frame = ring.first.after(n);
            self.with_page(frame, vaddr, Attributes::Normal, |kernel| {
                use_it(kernel.words(vaddr, 1 << ring.page_bits));
            })?;
        }
        Ok(())
    }
}
