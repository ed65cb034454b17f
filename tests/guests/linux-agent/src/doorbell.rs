// SPDX-License-Identifier: BSD-2-Clause
//! The doorbell through `/dev/mem`: stock kernels have no generic driver for it.

use core::ffi::CStr;
use core::{fmt, ptr};

use molt_doorbell::regs;
use molt_guest::Doorbell;

use molt_linux_system::{Errno, File, O_RDONLY, O_RDWR, O_SYNC, say};

/// Its registers and its staging region, mapped.
pub struct Mapped {
    registers: usize,
    staging: usize,
    staging_size: usize,
}

impl Mapped {
    /// By the `reg` of its node in the device tree: two pairs of two cells.
    pub fn open(reg: &CStr) -> Result<Self, Errno> {
        let mut cells = [0; 32];
        File::open(reg, O_RDONLY)?.read(&mut cells)?;
        let mut numbers = cells
            .as_chunks::<8>()
            .0
            .iter()
            .map(|c| u64::from_be_bytes(*c) as usize);
        let mut next = || numbers.next().unwrap_or(0);
        let (registers, _, staging, staging_size) = (next(), next(), next(), next());
        let memory = File::open(c"/dev/mem", O_RDWR | O_SYNC)?;
        Ok(Self {
            registers: memory.map(registers, regs::SIZE as usize)?,
            staging: memory.map(staging, staging_size)?,
            staging_size,
        })
    }
}

impl Doorbell for Mapped {
    fn read(&self, offset: u64) -> u32 {
        let register = self.registers + offset as usize;
        // SAFETY: within the page that was mapped.
        unsafe { ptr::with_exposed_provenance::<u32>(register).read_volatile() }
    }

    fn write(&mut self, offset: u64, value: u32) {
        let register = self.registers + offset as usize;
        // SAFETY: within the page that was mapped.
        unsafe { ptr::with_exposed_provenance_mut::<u32>(register).write_volatile(value) };
    }

    fn stage(&mut self, bundle: &[u8]) {
        // Mapped as a device: aligned words only (Arm ARM B2.7.2).
        let staging = ptr::with_exposed_provenance_mut::<u64>(self.staging);
        for (index, chunk) in bundle.chunks(8).take(self.staging_size / 8).enumerate() {
            let mut word = [0; 8];
            word.iter_mut()
                .zip(chunk)
                .for_each(|(to, from)| *to = *from);
            // SAFETY: within what was mapped, by the `take`.
            unsafe { staging.add(index).write_volatile(u64::from_ne_bytes(word)) };
        }
    }

    fn say(&mut self, line: fmt::Arguments<'_>) {
        say!("{line}");
    }
}
