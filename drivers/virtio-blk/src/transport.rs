// SPDX-License-Identifier: BSD-2-Clause
//! Starting and stopping the device through virtio-mmio (3.1.1, 4.2.3).

use molt_shared::Mmio;

use crate::config::Config;
use crate::error::Error;
use crate::registers::*;

/// How often a register is read while waiting for the device to reset. The device is on the same machine, and
/// `update` has its own deadline.
const TRIES: usize = 10_000;

/// The queue's place in physical memory.
pub struct QueueAddresses {
    pub descriptors: u64,
    pub driver: u64,
    pub device: u64,
}

/// The device, up to and including the agreement on features.
pub fn negotiate(registers: &impl Mmio) -> Result<(Features, Config), Error> {
    let magic = registers.read(MAGIC_VALUE);
    if magic != MAGIC {
        return Err(Error::NoDevice(magic));
    }
    let version = registers.read(VERSION);
    if version != MMIO_VERSION {
        return Err(Error::Version(version));
    }
    let id = registers.read(DEVICE_ID);
    if id != BLOCK_DEVICE {
        return Err(Error::DeviceId(id));
    }
    reset(registers)?;
    registers.write(STATUS, status::ACKNOWLEDGE);
    registers.write(STATUS, status::ACKNOWLEDGE | status::DRIVER);
    let features = Features::from_bits_truncate(offered(registers));
    if !features.contains(Features::VERSION_1) {
        return fail(registers, Error::Features);
    }
    registers.write(DRIVER_FEATURES_SEL, 0);
    registers.write(DRIVER_FEATURES, features.bits() as u32);
    registers.write(DRIVER_FEATURES_SEL, 1);
    registers.write(DRIVER_FEATURES, (features.bits() >> 32) as u32);
    let so_far = status::ACKNOWLEDGE | status::DRIVER | status::FEATURES_OK;
    registers.write(STATUS, so_far);
    if registers.read(STATUS) & status::FEATURES_OK == 0 {
        return fail(registers, Error::Features);
    }
    let config = Config::read(registers, features)?;
    Ok((features, config))
}

/// The largest size of queue 0 that the device takes, if it has one that is not in use.
pub fn queue_size(registers: &impl Mmio) -> Result<u32, Error> {
    registers.write(QUEUE_SEL, 0);
    let max = registers.read(QUEUE_NUM_MAX);
    if registers.read(QUEUE_READY) != 0 || max == 0 {
        return fail(registers, Error::Queue);
    }
    Ok(max)
}

/// Gives queue 0 to the device and lets it run.
pub fn go(registers: &impl Mmio, size: u32, queue: &QueueAddresses) -> Result<(), Error> {
    registers.write(QUEUE_SEL, 0);
    registers.write(QUEUE_NUM, size);
    for (register, address) in [
        (QUEUE_DESC, queue.descriptors),
        (QUEUE_DRIVER, queue.driver),
        (QUEUE_DEVICE, queue.device),
    ] {
        registers.write(register, address as u32);
        registers.write(register + 4, (address >> 32) as u32);
    }
    registers.write(QUEUE_READY, 1);
    let now = registers.read(STATUS);
    registers.write(STATUS, now | status::DRIVER_OK);
    if registers.read(STATUS) & status::NEEDS_RESET != 0 {
        return Err(Error::NeedsReset);
    }
    Ok(())
}

/// Status 0, read back until it is 0 (2.4.2: after that the device touches no queue).
pub fn reset(registers: &impl Mmio) -> Result<(), Error> {
    registers.write(STATUS, 0);
    for _ in 0..TRIES {
        if registers.read(STATUS) == 0 {
            return Ok(());
        }
    }
    Err(Error::Reset)
}

fn offered(registers: &impl Mmio) -> u64 {
    registers.write(DEVICE_FEATURES_SEL, 0);
    let low = registers.read(DEVICE_FEATURES);
    registers.write(DEVICE_FEATURES_SEL, 1);
    let high = registers.read(DEVICE_FEATURES);
    u64::from(low) | u64::from(high) << 32
}

/// Tells the device that its driver has given up (3.1.1).
fn fail<T>(registers: &impl Mmio, error: Error) -> Result<T, Error> {
    let now = registers.read(STATUS);
    registers.write(STATUS, now | status::FAILED);
    Err(error)
}
