// SPDX-License-Identifier: BSD-2-Clause
//! virtio-mmio (4.2), version 2 of its registers.

use molt_shared::Mmio as Window;

use super::{QueueAddresses, Transport};
use crate::error::Error;
use crate::registers::*;

/// The registers.
#[derive(Debug)]
pub struct Mmio<R>(pub R);

impl<R: Window> Transport for Mmio<R> {
    fn identify(&self) -> Result<(), Error> {
        let magic = self.0.read(MAGIC_VALUE);
        if magic != MAGIC {
            return Err(Error::NoDevice(magic));
        }
        let version = self.0.read(VERSION);
        if version != MMIO_VERSION {
            return Err(Error::Version(version));
        }
        let id = self.0.read(DEVICE_ID);
        if id != BLOCK_DEVICE {
            return Err(Error::DeviceId(id));
        }
        Ok(())
    }

    fn status(&self) -> u32 {
        self.0.read(STATUS)
    }

    fn set_status(&self, status: u32) {
        self.0.write(STATUS, status);
    }

    fn device_features(&self) -> u64 {
        self.0.write(DEVICE_FEATURES_SEL, 0);
        let low = self.0.read(DEVICE_FEATURES);
        self.0.write(DEVICE_FEATURES_SEL, 1);
        let high = self.0.read(DEVICE_FEATURES);
        u64::from(low) | u64::from(high) << 32
    }

    fn set_driver_features(&self, features: u64) {
        self.0.write(DRIVER_FEATURES_SEL, 0);
        self.0.write(DRIVER_FEATURES, features as u32);
        self.0.write(DRIVER_FEATURES_SEL, 1);
        self.0.write(DRIVER_FEATURES, (features >> 32) as u32);
    }

    fn queue_max(&self) -> u32 {
        self.0.write(QUEUE_SEL, 0);
        let max = self.0.read(QUEUE_NUM_MAX);
        if self.0.read(QUEUE_READY) != 0 {
            0
        } else {
            max
        }
    }

    fn set_queue(&self, size: u32, queue: &QueueAddresses) -> Result<(), Error> {
        self.0.write(QUEUE_SEL, 0);
        self.0.write(QUEUE_NUM, size);
        for (register, address) in [
            (QUEUE_DESC, queue.descriptors),
            (QUEUE_DRIVER, queue.driver),
            (QUEUE_DEVICE, queue.device),
        ] {
            self.0.write(register, address as u32);
            self.0.write(register + 4, (address >> 32) as u32);
        }
        self.0.write(QUEUE_READY, 1);
        Ok(())
    }

    fn notify(&self) {
        self.0.write(QUEUE_NOTIFY, 0);
    }

    fn interrupt(&self) -> bool {
        let pending = self.0.read(INTERRUPT_STATUS);
        if pending != 0 {
            self.0.write(INTERRUPT_ACK, pending);
        }
        // Bit 1: the configuration changed.
        pending & 2 != 0
    }

    fn config(&self, offset: usize) -> u32 {
        self.0.read(CONFIG + offset)
    }

    fn config_generation(&self) -> u32 {
        self.0.read(CONFIG_GENERATION)
    }
}
