// SPDX-License-Identifier: BSD-2-Clause
//! The doorbell where the device tree says that it is.

use core::fmt;
use core::ops::Range;
use core::ptr;

use molt_guest::Doorbell;

use crate::console::say;
use crate::machine;

impl Doorbell for machine::Doorbell {
    fn read(&self, offset: u64) -> u32 {
        let register = self.device.registers + offset as usize;
        // SAFETY: a register of the doorbell, which the translation table maps as a device.
        unsafe { ptr::with_exposed_provenance::<u32>(register).read_volatile() }
    }

    fn write(&mut self, offset: u64, value: u32) {
        let register = self.device.registers + offset as usize;
        // SAFETY: as above.
        unsafe { ptr::with_exposed_provenance_mut::<u32>(register).write_volatile(value) };
    }

    fn stage(&mut self, bundle: &[u8]) {
        let length = bundle.len().min(self.staging_size);
        let staging = ptr::with_exposed_provenance_mut::<u8>(self.staging);
        // SAFETY: the device tree names this region as ours to write, so many bytes long.
        unsafe { ptr::copy_nonoverlapping(bundle.as_ptr(), staging, length) };
    }

    fn spoil(&mut self, part: Range<usize>) {
        let end = part.end.min(self.staging_size);
        let start = part.start.min(end);
        let staging = ptr::with_exposed_provenance_mut::<u8>(self.staging + start);
        // SAFETY: within the region that the device tree names as ours to write.
        unsafe { ptr::write_bytes(staging, 0, end - start) };
    }

    fn say(&mut self, line: fmt::Arguments<'_>) {
        say!("{line}");
    }
}
