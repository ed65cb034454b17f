// SPDX-License-Identifier: BSD-2-Clause
//! For tests: checks whether a device reaches memory after the denial.
//!
//! After the denial the device, a virtio disk on PCI, is notified once more of an entry in the available ring that names
//! descriptors from before. A device at rest does nothing. One that was left running fetches the entry and carries the old
//! request out, which changes the memory that it shares with its driver, unless the IOMMU prevents it. The number of pages
//! of that memory that have changed is traced; it has to be 0.

use core::sync::atomic::Ordering;

use heapless::Vec;
use molt_shared::Mmio;
use molt_system::Region;
use molt_trace::{Event as Trace, WordRef};

use crate::probe::is_ring;
use crate::{Attributes, Error, Kernel, Result, Supervisor, pci};

/// The wait in us, in which a device would have done what it was asked for.
const WAIT_US: u64 = 200_000;
/// log2 of the bytes of a page, and the bytes.
const PAGE_BITS: u32 = 12;
const PAGE: u64 = 1 << PAGE_BITS;
/// The most pages that are compared.
const PAGES: usize = 256;
/// `molt-virtio-blk`'s available ring, in the first page: the offset of its first word, which has flags, index and the first
/// two entries (virtio 1.2, 2.7.6), and its entries.
const AVAILABLE: usize = 0x800 / 8;
const ENTRIES: u64 = 128;

impl<'m, K: Kernel<'m>> Supervisor<'m, K> {
    /// Everything of the component was just taken away.
    pub(crate) fn check_denied(&mut self, index: usize) {
        let changed = self.changed_after_denial(index);
        self.trace(Trace::Value {
            name: WordRef("dma-after-denial"),
            value: changed.unwrap_or(u64::MAX),
        });
    }

    fn changed_after_denial(&mut self, index: usize) -> Result<u64> {
        let unit = self.units.get(index).ok_or(Error::INVALID_ARGUMENT)?;
        let plan = unit.plan;
        let is_ring = |region: &&Region| region.page_bits == PAGE_BITS && is_ring(region);
        let ring = unit.estate.regions.iter().find(is_ring);
        let ring = ring.ok_or(Error::INVALID_ARGUMENT)?;
        // Everything is unmapped now, so that all of these addresses are free.
        let window = plan.pci.messages.update_vaddr;
        self.with_page(ring.first, window, Attributes::Normal, |kernel| {
            let words = kernel.words(window, PAGE);
            offer_again(
                |n| words[n].load(Ordering::Relaxed),
                |n, value| {
                    words[n].store(value, Ordering::Release);
                },
            );
        })?;
        let before = self.pages(ring, window)?;
        let configuration = &plan.pci.configuration;
        let mut place = None;
        let at = configuration.update_vaddr;
        self.with_page(configuration.first, at, Attributes::Device, |kernel| {
            place = pci::virtio_notify(&kernel.registers(at));
        })?;
        let place = place.ok_or(Error::INVALID_ARGUMENT)? as u64;
        let device = plan.devices().first().ok_or(Error::INVALID_ARGUMENT)?;
        let frame = device.first.after((place >> PAGE_BITS) as u32);
        let at = device.update_vaddr;
        self.with_page(frame, at, Attributes::Device, |kernel| {
            kernel.registers(at).write((place % PAGE) as usize, 0);
        })?;
        let end = self.us() + WAIT_US;
        while self.us() < end {
            core::hint::spin_loop();
        }
        let after = self.pages(ring, window)?;
        let pairs = before.iter().zip(&after);
        Ok(pairs.filter(|(before, after)| before != after).count() as u64)
    }

    /// A sum over each page of a region.
    fn pages(&mut self, region: &Region, window: u64) -> Result<Vec<u64, PAGES>> {
        let mut sums = Vec::new();
        for n in 0..region.count {
            let mut sum = 0_u64;
            self.with_page(
                region.first.after(n),
                window,
                Attributes::Normal,
                |kernel| {
                    for word in kernel.words(window, PAGE) {
                        sum = sum.rotate_left(5) ^ word.load(Ordering::Relaxed).wrapping_mul(31);
                    }
                },
            )?;
            sums.push(sum).map_err(|_| Error::NOT_ENOUGH_MEMORY)?;
        }
        Ok(sums)
    }
}

/// Makes one more entry of the available ring: the descriptors that begin with the first one.
fn offer_again(read: impl Fn(usize) -> u64, write: impl Fn(usize, u64)) {
    let next = (read(AVAILABLE) >> 16) & 0xffff;
    // The entries begin behind flags and index, 16 bits each.
    let at = 2 + next % ENTRIES;
    let (word, shift) = (AVAILABLE + (at / 4) as usize, at % 4 * 16);
    write(word, read(word) & !(0xffff << shift));
    let index = (next + 1) & 0xffff;
    write(AVAILABLE, read(AVAILABLE) & !(0xffff << 16) | index << 16);
}
