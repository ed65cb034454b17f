// SPDX-License-Identifier: BSD-2-Clause
//! A device's registers.

/// Registers from an address on.
#[derive(Debug)]
pub(crate) struct Registers(usize);

impl Registers {
    /// The registers at an address.
    ///
    /// # Safety
    /// All that is read and written through it has to be registers of one device, which no one else uses, and accesses to which
    /// change no memory.
    pub(crate) const unsafe fn new(address: usize) -> Self {
        Self(address)
    }

    /// Reads a register.
    pub(crate) fn read(&self, offset: usize) -> u32 {
        // SAFETY: it is a device's register, by the contract of `new`.
        unsafe { core::ptr::with_exposed_provenance::<u32>(self.0 + offset).read_volatile() }
    }

    /// Writes a register.
    pub(crate) fn write(&self, offset: usize, value: u32) {
        let register = core::ptr::with_exposed_provenance_mut::<u32>(self.0 + offset);
        // SAFETY: it is a device's register, by the contract of `new`.
        unsafe { register.write_volatile(value) };
    }

    /// Writes a byte.
    pub(crate) fn write_byte(&self, offset: usize, value: u8) {
        let register = core::ptr::with_exposed_provenance_mut::<u8>(self.0 + offset);
        // SAFETY: it is a device's register, by the contract of `new`.
        unsafe { register.write_volatile(value) };
    }

    /// Reads a byte.
    pub(crate) fn read_byte(&self, offset: usize) -> u8 {
        // SAFETY: it is a device's register, by the contract of `new`.
        unsafe { core::ptr::with_exposed_provenance::<u8>(self.0 + offset).read_volatile() }
    }
}
