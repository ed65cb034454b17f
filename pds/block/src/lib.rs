// SPDX-License-Identifier: BSD-2-Clause
//! One generation of a disk's driver as a protection domain, whatever the device: brief, start, service, signs of life,
//! quiesce, reports. A driver's own program is what [`start`] is told.
#![no_std]

mod brief;
mod fault;
mod generation;

pub use generation::Generation;

use molt_block::{Device, Ring};
use molt_shared::Registers;

/// What tells one image of a driver from another.
#[derive(Clone, Copy, Debug)]
pub struct Image {
    /// Reported to `update`.
    pub version: u64,
    /// How many requests the device is given before it is told.
    pub batch: u32,
}

/// Starts the generation: `open` gets the device's registers and the ring memory, and starts the device from reset.
///
/// # Panics
/// If there is no brief: the image was not made by the tool that belongs to this program.
pub fn start<D: Device>(
    image: Image,
    open: impl FnOnce(Registers, Ring<'static>) -> Result<D, D::Error>,
) -> Generation<D> {
    fault::at_start();
    Generation::start(brief::get(), image, open)
}
