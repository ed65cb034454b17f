// SPDX-License-Identifier: BSD-2-Clause
//! Starting and stopping the device (3.1.1), by whichever way it is reached.

mod any;
mod mmio;
pub mod pci;

pub use any::Any;
pub use mmio::Mmio;
pub use pci::Pci;

use crate::config::Config;
use crate::error::Error;
use crate::registers::{Features, status};

/// How often a register is read while waiting for the device to reset. The device is on the same machine, and
/// `update` has its own deadline.
const TRIES: usize = 10_000;

/// The queue's place in the device's address space.
pub struct QueueAddresses {
    pub descriptors: u64,
    pub driver: u64,
    pub device: u64,
}

/// How the device is reached (chapter 4).
pub trait Transport {
    /// Looks whether there is a block device.
    ///
    /// # Errors
    /// What is there instead.
    fn identify(&self) -> Result<(), Error>;
    /// Device status (2.1).
    fn status(&self) -> u32;
    /// Sets it; 0 resets the device.
    fn set_status(&self, status: u32);
    /// What the device offers.
    fn device_features(&self) -> u64;
    /// What the driver takes of it.
    fn set_driver_features(&self, features: u64);
    /// The largest size of queue 0, or 0 if there is none or it is in use.
    fn queue_max(&self) -> u32;
    /// Gives queue 0 to the device.
    ///
    /// # Errors
    /// The device cannot interrupt for it.
    fn set_queue(&self, size: u32, queue: &QueueAddresses) -> Result<(), Error>;
    /// Tells the device of what is new in queue 0.
    fn notify(&self);
    /// Takes the interrupt's causes: whether the configuration may have changed.
    fn interrupt(&self) -> bool;
    /// A word of the device's configuration.
    fn config(&self, offset: usize) -> u32;
    /// Changes whenever that does.
    fn config_generation(&self) -> u32;
}

/// The device, up to and including the agreement on features.
pub fn negotiate(device: &impl Transport) -> Result<(Features, Config), Error> {
    device.identify()?;
    reset(device)?;
    device.set_status(status::ACKNOWLEDGE);
    device.set_status(status::ACKNOWLEDGE | status::DRIVER);
    let features = Features::from_bits_truncate(device.device_features());
    if !features.contains(Features::VERSION_1) {
        return fail(device, Error::Features);
    }
    device.set_driver_features(features.bits());
    device.set_status(status::ACKNOWLEDGE | status::DRIVER | status::FEATURES_OK);
    if device.status() & status::FEATURES_OK == 0 {
        return fail(device, Error::Features);
    }
    let config = Config::read(device, features)?;
    Ok((features, config))
}

/// The largest size of queue 0 that the device takes, if it has one that is not in use.
pub fn queue_size(device: &impl Transport) -> Result<u32, Error> {
    match device.queue_max() {
        0 => fail(device, Error::Queue),
        max => Ok(max),
    }
}

/// Gives queue 0 to the device and lets it run.
pub fn go(device: &impl Transport, size: u32, queue: &QueueAddresses) -> Result<(), Error> {
    if let Err(error) = device.set_queue(size, queue) {
        return fail(device, error);
    }
    device.set_status(device.status() | status::DRIVER_OK);
    if device.status() & status::NEEDS_RESET != 0 {
        return Err(Error::NeedsReset);
    }
    Ok(())
}

/// Status 0, read back until it is 0 (2.4.2: after that the device touches no queue).
pub fn reset(device: &impl Transport) -> Result<(), Error> {
    device.set_status(0);
    for _ in 0..TRIES {
        if device.status() == 0 {
            return Ok(());
        }
    }
    Err(Error::Reset)
}

/// Tells the device that its driver has given up (3.1.1).
fn fail<T>(device: &impl Transport, error: Error) -> Result<T, Error> {
    device.set_status(device.status() | status::FAILED);
    Err(error)
}
