// SPDX-License-Identifier: BSD-2-Clause
//! Emulated devices and where they are in the guest's address space.

use crate::syndrome::Width;

/// A device without effects outside itself. Offsets lie inside the device's frame and are multiples of the width.
pub trait Device {
    /// Reads a register; what is not there reads as 0.
    fn read(&mut self, offset: u64, width: Width) -> u64;
    /// Writes a register; what is not there ignores it.
    fn write(&mut self, offset: u64, width: Width, value: u64);
}

/// Which device an address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The interrupt controller's distributor.
    Distributor,
    /// The console.
    Uart,
    /// A disk.
    Disk(usize),
    /// The doorbell.
    Doorbell,
}

/// Guest-physical frames of the devices.
#[derive(Clone, Debug, Default)]
pub struct Bus {
    frames: heapless::Vec<(u64, u64, Target), 8>,
}

impl Bus {
    /// Adds `size` bytes at `base`. Of overlapping frames the first wins.
    ///
    /// # Errors
    /// When there are too many, with the target.
    pub fn add(&mut self, base: u64, size: u64, target: Target) -> Result<(), Target> {
        self.frames
            .push((base, size, target))
            .map_err(|(_, _, target)| target)
    }

    /// The device at `address` and the offset in it; `None` for no device, or an access that is misaligned (Device
    /// memory: Arm ARM B2.11.2) or crosses the frame's end.
    #[must_use]
    pub fn find(&self, address: u64, width: Width) -> Option<(Target, u64)> {
        let (base, _, target) = self.frames.iter().find(|(base, size, _)| {
            address.checked_sub(*base).is_some_and(|offset| {
                offset
                    .checked_add(width as u64)
                    .is_some_and(|end| end <= *size)
            })
        })?;
        address
            .is_multiple_of(width as u64)
            .then_some((*target, address - base))
    }
}
