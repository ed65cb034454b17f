// SPDX-License-Identifier: BSD-2-Clause
//! Starting, notifying and stopping a device (3.1.1), by whichever way it is reached (chapter 4).

mod mmio;
mod pci;

use mmio::Mmio;
use molt_shared::Narrow;
use pci::Pci;

use crate::error::Error;
use crate::registers::{ACCESS_PLATFORM, VERSION_1, status};

/// How often a register is read while waiting for the device to reset. The device is on the same machine, and
/// `update` has its own deadline.
const RESET_TRIES: usize = 10_000;
/// How often the configuration may change while it is read.
const CONFIG_TRIES: usize = 16;

/// The device's registers. Both have the same methods:
///
/// - `kind`: the type of device (5); `status`, `set_status` (2.1);
/// - `offered`, `accept`: the features;
/// - `queue_size`: the largest size of a queue, 0 if there is none or it is in use; `enable`: gives a queue to the device;
/// - `notify`; `interrupt`: takes the interrupt's causes, whether the configuration or the status may have changed;
/// - `config`: a word of the configuration; `config_generation`: changes whenever that does.
#[derive(Debug)]
enum Way<R> {
    Mmio(Mmio<R>),
    Pci(Pci<R>),
}

macro_rules! device {
    ($self:ident.$method:ident($($argument:expr),*)) => {
        match &$self.way {
            Way::Mmio(device) => device.$method($($argument),*),
            Way::Pci(device) => device.$method($($argument),*),
        }
    };
}

/// A device whose features were agreed on.
#[derive(Debug)]
pub struct Transport<R> {
    way: Way<R>,
    features: u64,
    /// Of the configuration that was read last.
    generation: u32,
}

impl<R: Narrow> Transport<R> {
    /// Resets a device of type `id` and agrees with it on those of the features that it offers which `wanted` returns, and
    /// VERSION_1, which is needed, and ACCESS_PLATFORM. `configuration`: the configuration space of the PCI function that it
    /// is; without one it is on virtio-mmio.
    ///
    /// # Errors
    /// Whatever the device is not ([`Error`]).
    pub fn negotiate(
        registers: R,
        configuration: Option<&R>,
        id: u32,
        wanted: impl FnOnce(u64) -> u64,
    ) -> Result<Self, Error> {
        let way = match configuration {
            Some(configuration) => Way::Pci(Pci::new(configuration, registers)?),
            None => Way::Mmio(Mmio::new(registers)?),
        };
        let mut this = Self {
            way,
            features: 0,
            generation: 0,
        };
        let found = device!(this.kind());
        if found != id {
            return Err(Error::DeviceId(found));
        }
        this.reset()?;
        device!(this.set_status(status::ACKNOWLEDGE));
        device!(this.set_status(status::ACKNOWLEDGE | status::DRIVER));
        let offered = device!(this.offered());
        this.features = offered & (wanted(offered) | VERSION_1 | ACCESS_PLATFORM);
        if !this.has(VERSION_1) {
            return Err(this.fail(Error::Features));
        }
        device!(this.accept(this.features));
        let so_far = status::ACKNOWLEDGE | status::DRIVER | status::FEATURES_OK;
        device!(this.set_status(so_far));
        if device!(this.status()) & status::FEATURES_OK == 0 {
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
    pub fn config<T>(&mut self, read: impl Fn(&dyn Fn(usize) -> u32) -> T) -> Result<T, Error> {
        for _ in 0..CONFIG_TRIES {
            let before = device!(self.config_generation());
            let config = read(&|offset| device!(self.config(offset)));
            if device!(self.config_generation()) == before {
                self.generation = before;
                return Ok(config);
            }
        }
        Err(Error::Config)
    }

    /// Whether the configuration is another one than was read last (4.1.4.3.1, 4.2.2.1).
    pub fn config_changed(&self) -> bool {
        device!(self.config_generation()) != self.generation
    }

    /// The largest size of queue `n` that the device takes, if it has one that is not in use.
    ///
    /// # Errors
    /// [`Error::Queue`].
    pub fn queue_size(&self, n: u32) -> Result<u32, Error> {
        match device!(self.queue_size(n)) {
            0 => Err(self.fail(Error::Queue)),
            max => Ok(max),
        }
    }

    /// Gives queue `n` to the device: its entries, and the physical addresses of descriptors, available and used ring.
    ///
    /// # Errors
    /// [`Error::Message`]: the device cannot interrupt for it. [`Error::Queue`]: over PCI, more queues than a driver here has.
    pub fn enable(&mut self, n: u32, size: u16, addresses: [u64; 3]) -> Result<(), Error> {
        let enabled = match &mut self.way {
            Way::Mmio(device) => device.enable(n, size, addresses),
            Way::Pci(device) => device.enable(n, size, addresses),
        };
        enabled.map_err(|error| self.fail(error))
    }

    /// Lets the device run.
    ///
    /// # Errors
    /// [`Error::NeedsReset`].
    pub fn go(&self) -> Result<(), Error> {
        let now = device!(self.status());
        device!(self.set_status(now | status::DRIVER_OK));
        if device!(self.status()) & status::NEEDS_RESET != 0 {
            return Err(Error::NeedsReset);
        }
        Ok(())
    }

    /// Tells the device that queue `n`, which was enabled, has more.
    pub fn notify(&self, n: u32) {
        device!(self.notify(n));
    }

    /// Takes the interrupt's causes; whether the configuration may have changed.
    ///
    /// # Errors
    /// [`Error::NeedsReset`].
    pub fn interrupt(&self) -> Result<bool, Error> {
        let changed = device!(self.interrupt());
        // The device reports a failure in this way too (2.1.2).
        if changed && device!(self.status()) & status::NEEDS_RESET != 0 {
            return Err(Error::NeedsReset);
        }
        Ok(changed)
    }

    /// Status 0, read back until it is 0 (2.4.2: after that the device touches no queue).
    ///
    /// # Errors
    /// [`Error::Reset`].
    pub fn reset(&self) -> Result<(), Error> {
        device!(self.set_status(0));
        for _ in 0..RESET_TRIES {
            if device!(self.status()) == 0 {
                return Ok(());
            }
        }
        Err(Error::Reset)
    }

    /// Tells the device that its driver has given up (3.1.1); the error.
    pub fn fail(&self, error: Error) -> Error {
        let now = device!(self.status());
        device!(self.set_status(now | status::FAILED));
        error
    }
}
