// SPDX-License-Identifier: BSD-2-Clause
//! Starting and stopping a device through virtio-mmio (3.1.1, 4.2.3).

use molt_shared::Mmio;

use crate::error::Error;
use crate::queue::Queue;
use crate::registers::*;

/// How often a register is read while waiting for the device to reset. The device is on the same machine, and
/// `update` has its own deadline.
const RESET_TRIES: usize = 10_000;
/// How often the configuration may change while it is read.
const CONFIG_TRIES: usize = 16;

/// A device's registers.
#[derive(Debug)]
pub struct Transport<R> {
    registers: R,
    features: u64,
}

impl<R: Mmio> Transport<R> {
    /// Resets a device of type `id` and agrees with it on those of the features that it offers which `wanted` returns, and
    /// VERSION_1, which is needed.
    ///
    /// # Errors
    /// Whatever the device is not ([`Error`]).
    pub fn negotiate(
        registers: R,
        id: u32,
        wanted: impl FnOnce(u64) -> u64,
    ) -> Result<Self, Error> {
        let magic = registers.read(MAGIC_VALUE);
        if magic != MAGIC {
            return Err(Error::NoDevice(magic));
        }
        let version = registers.read(VERSION);
        if version != MMIO_VERSION {
            return Err(Error::Version(version));
        }
        let found = registers.read(DEVICE_ID);
        if found != id {
            return Err(Error::DeviceId(found));
        }
        let mut this = Self {
            registers,
            features: 0,
        };
        this.reset()?;
        let registers = &this.registers;
        registers.write(STATUS, status::ACKNOWLEDGE);
        registers.write(STATUS, status::ACKNOWLEDGE | status::DRIVER);
        let offered = this.offered();
        this.features = offered & (wanted(offered) | VERSION_1);
        if this.features & VERSION_1 == 0 {
            return Err(this.fail(Error::Features));
        }
        for (select, half) in [(0, this.features as u32), (1, (this.features >> 32) as u32)] {
            registers.write(DRIVER_FEATURES_SEL, select);
            registers.write(DRIVER_FEATURES, half);
        }
        let so_far = status::ACKNOWLEDGE | status::DRIVER | status::FEATURES_OK;
        registers.write(STATUS, so_far);
        if registers.read(STATUS) & status::FEATURES_OK == 0 {
            return Err(this.fail(Error::Features));
        }
        Ok(this)
    }

    /// The features that were negotiated.
    pub fn features(&self) -> u64 {
        self.features
    }

    /// Whether all of these were agreed on.
    pub fn has(&self, features: u64) -> bool {
        self.features & features == features
    }

    /// Reads from the configuration, whole: again, if it changed meanwhile (2.5.1). `read` gets the registers' 32-bit words
    /// by their byte offset in the configuration.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub fn config<T>(&self, read: impl Fn(&dyn Fn(usize) -> u32) -> T) -> Result<T, Error> {
        for _ in 0..CONFIG_TRIES {
            let before = self.registers.read(CONFIG_GENERATION);
            let config = read(&|offset| self.registers.read(CONFIG + offset));
            if self.registers.read(CONFIG_GENERATION) == before {
                return Ok(config);
            }
        }
        Err(Error::Config)
    }

    /// The largest size of queue `n` that the device takes, if it has one that is not in use.
    ///
    /// # Errors
    /// [`Error::Queue`].
    pub fn queue_size(&self, n: u32) -> Result<u32, Error> {
        self.registers.write(QUEUE_SEL, n);
        let max = self.registers.read(QUEUE_NUM_MAX);
        if self.registers.read(QUEUE_READY) != 0 || max == 0 {
            return Err(self.fail(Error::Queue));
        }
        Ok(max)
    }

    /// Gives queue `n` to the device.
    pub fn enable(&self, n: u32, queue: &Queue<'_>) {
        let registers = &self.registers;
        registers.write(QUEUE_SEL, n);
        registers.write(QUEUE_NUM, queue.size().into());
        let places = [QUEUE_DESC, QUEUE_DRIVER, QUEUE_DEVICE];
        for (register, address) in places.into_iter().zip(queue.addresses()) {
            registers.write(register, address as u32);
            registers.write(register + 4, (address >> 32) as u32);
        }
        registers.write(QUEUE_READY, 1);
    }

    /// Lets the device run.
    ///
    /// # Errors
    /// [`Error::NeedsReset`].
    pub fn go(&self) -> Result<(), Error> {
        let now = self.registers.read(STATUS);
        self.registers.write(STATUS, now | status::DRIVER_OK);
        if self.registers.read(STATUS) & status::NEEDS_RESET != 0 {
            return Err(Error::NeedsReset);
        }
        Ok(())
    }

    /// Tells the device that queue `n` has more.
    pub fn notify(&self, n: u32) {
        self.registers.write(QUEUE_NOTIFY, n);
    }

    /// Reads and acknowledges the interrupt's causes; whether the configuration changed.
    ///
    /// # Errors
    /// [`Error::NeedsReset`].
    pub fn interrupt(&self) -> Result<bool, Error> {
        let pending = self.registers.read(INTERRUPT_STATUS);
        if pending != 0 {
            self.registers.write(INTERRUPT_ACK, pending);
        }
        let changed = pending & CONFIGURATION_CHANGE != 0;
        // The device reports a failure in this way too (2.1.2).
        if changed && self.registers.read(STATUS) & status::NEEDS_RESET != 0 {
            return Err(Error::NeedsReset);
        }
        Ok(changed)
    }

    /// Status 0, read back until it is 0 (2.4.2: after that the device touches no queue).
    ///
    /// # Errors
    /// [`Error::Reset`].
    pub fn reset(&self) -> Result<(), Error> {
        self.registers.write(STATUS, 0);
        for _ in 0..RESET_TRIES {
            if self.registers.read(STATUS) == 0 {
                return Ok(());
            }
        }
        Err(Error::Reset)
    }

    /// Tells the device that its driver has given up (3.1.1); the error.
    pub fn fail(&self, error: Error) -> Error {
        let now = self.registers.read(STATUS);
        self.registers.write(STATUS, now | status::FAILED);
        error
    }

    fn offered(&self) -> u64 {
        let half = |select| {
            self.registers.write(DEVICE_FEATURES_SEL, select);
            u64::from(self.registers.read(DEVICE_FEATURES))
        };
        half(0) | half(1) << 32
    }
}
