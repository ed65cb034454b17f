// SPDX-License-Identifier: BSD-2-Clause
//! A device's registers: volatile accesses by offset.

use core::ptr::NonNull;

/// Access to a device's registers. On the target this is [`Registers`], in a driver's tests a fake device.
pub trait Mmio {
    /// Reads the 32-bit register at byte `offset`.
    fn read(&self, offset: usize) -> u32;
    /// Writes it.
    fn write(&self, offset: usize, value: u32);
}

/// Access to registers of 8 and 16 bits as well, which a PCI function may have. As provided there are none: they read as all
/// ones, as a bus without a device answers.
pub trait Narrow: Mmio {
    /// Reads the 8-bit register at byte `offset`.
    fn read_8(&self, _offset: usize) -> u8 {
        u8::MAX
    }
    /// Writes it.
    fn write_8(&self, _offset: usize, _value: u8) {}
    /// Reads the 16-bit register at byte `offset`.
    fn read_16(&self, _offset: usize) -> u16 {
        u16::MAX
    }
    /// Writes it.
    fn write_16(&self, _offset: usize, _value: u16) {}
}

impl Narrow for Registers {
    fn read_8(&self, offset: usize) -> u8 {
        match self.place::<u8>(offset) {
            // SAFETY: in bounds and aligned by `place`; valid by `new`'s contract.
            Some(place) => unsafe { place.read_volatile() },
            None => u8::MAX,
        }
    }
    fn write_8(&self, offset: usize, value: u8) {
        if let Some(place) = self.place::<u8>(offset) {
            // SAFETY: in bounds and aligned by `place`; valid by `new`'s contract.
            unsafe { place.write_volatile(value) }
        }
    }
    fn read_16(&self, offset: usize) -> u16 {
        match self.place::<u16>(offset) {
            // SAFETY: in bounds and aligned by `place`; valid by `new`'s contract.
            Some(place) => unsafe { place.read_volatile() },
            None => u16::MAX,
        }
    }
    fn write_16(&self, offset: usize, value: u16) {
        if let Some(place) = self.place::<u16>(offset) {
            // SAFETY: in bounds and aligned by `place`; valid by `new`'s contract.
            unsafe { place.write_volatile(value) }
        }
    }
}

impl Mmio for Registers {
    fn read(&self, offset: usize) -> u32 {
        Self::read(self, offset)
    }
    fn write(&self, offset: usize, value: u32) {
        Self::write(self, offset, value);
    }
}

/// A window of device registers, mapped as Device memory.
///
/// Accesses are single, in program order among themselves (Device-nGnRnE, Arm ARM B2.7.2), and not
/// ordered with those to ordinary memory: a driver puts a barrier of [`crate::Handover`] between.
#[derive(Debug)]
pub struct Registers {
    base: NonNull<u32>,
    size: usize,
}

// SAFETY: the address is valid in every thread of the address space; the type is not Clone.
unsafe impl Send for Registers {}

impl Registers {
    /// The `size` bytes of registers at `address`.
    ///
    /// # Safety
    /// `address` is not 0, is a multiple of 4, and from there `size` bytes of device registers are
    /// mapped (or an access faults) for as long as the program runs; reading and writing any of them
    /// endangers no memory of this program but what the driver gave to the device.
    pub unsafe fn new(address: usize, size: usize) -> Self {
        debug_assert!(address.is_multiple_of(4));
        let base = NonNull::new(address as *mut u32).unwrap_or(NonNull::dangling());
        let size = if address == 0 { 0 } else { size };
        Self { base, size }
    }

    /// Reads the register at byte `offset`. Outside the window or misaligned: all ones, as a bus
    /// without a device answers.
    pub fn read(&self, offset: usize) -> u32 {
        match self.place::<u32>(offset) {
            // SAFETY: in bounds and aligned by `place`; valid by `new`'s contract.
            Some(place) => unsafe { place.read_volatile() },
            None => u32::MAX,
        }
    }

    /// Writes the register at byte `offset`. Outside the window or misaligned: nothing.
    pub fn write(&self, offset: usize, value: u32) {
        if let Some(place) = self.place::<u32>(offset) {
            // SAFETY: in bounds and aligned by `place`; valid by `new`'s contract.
            unsafe { place.write_volatile(value) }
        }
    }

    fn place<T>(&self, offset: usize) -> Option<*mut T> {
        let width = size_of::<T>();
        let inside = offset.is_multiple_of(width) && offset.checked_add(width)? <= self.size;
        // SAFETY: `offset` is inside the window.
        inside.then(|| unsafe { self.base.as_ptr().byte_add(offset) }.cast())
    }
}
