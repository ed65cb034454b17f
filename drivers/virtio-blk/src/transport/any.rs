// SPDX-License-Identifier: BSD-2-Clause
//! Whichever transport the machine has: one program for all of them.

use molt_shared::Narrow;

use super::{Mmio, Pci, QueueAddresses, Transport};
use crate::error::Error;

/// One of the transports.
#[derive(Debug)]
pub enum Any<R> {
    /// virtio-mmio
    Mmio(Mmio<R>),
    /// virtio over PCI
    Pci(Pci<R>),
}

macro_rules! either {
    ($self:ident.$method:ident($($argument:expr),*)) => {
        match $self {
            Self::Mmio(device) => device.$method($($argument),*),
            Self::Pci(device) => device.$method($($argument),*),
        }
    };
}

impl<R: Narrow> Any<R> {
    /// By PCI where there is a configuration space.
    ///
    /// # Errors
    /// The function is no virtio device.
    pub fn of(registers: R, configuration: Option<&R>) -> Result<Self, Error> {
        Ok(match configuration {
            Some(configuration) => Self::Pci(Pci::new(configuration, registers)?),
            None => Self::Mmio(Mmio(registers)),
        })
    }
}

impl<R: Narrow> Transport for Any<R> {
    fn identify(&self) -> Result<(), Error> {
        either!(self.identify())
    }
    fn status(&self) -> u32 {
        either!(self.status())
    }
    fn set_status(&self, status: u32) {
        either!(self.set_status(status))
    }
    fn device_features(&self) -> u64 {
        either!(self.device_features())
    }
    fn set_driver_features(&self, features: u64) {
        either!(self.set_driver_features(features))
    }
    fn queue_max(&self) -> u32 {
        either!(self.queue_max())
    }
    fn set_queue(&self, size: u32, queue: &QueueAddresses) -> Result<(), Error> {
        either!(self.set_queue(size, queue))
    }
    fn notify(&self) {
        either!(self.notify())
    }
    fn interrupt(&self) -> bool {
        either!(self.interrupt())
    }
    fn config(&self, offset: usize) -> u32 {
        either!(self.config(offset))
    }
    fn config_generation(&self) -> u32 {
        either!(self.config_generation())
    }
}
