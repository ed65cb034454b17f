// SPDX-License-Identifier: BSD-2-Clause
//! virtio-mmio (4.2), version 2 of its registers.

use molt_shared::Mmio as Window;

use crate::error::Error;
use crate::registers::*;

/// The registers.
#[derive(Debug)]
pub struct Mmio<R>(R);

impl<R: Window> Mmio<R> {
    /// The device with these registers.
    ///
    /// # Errors
    /// It is no virtio device, or a legacy one.
    pub fn new(registers: R) -> Result<Self, Error> {
        let magic = registers.read(MAGIC_VALUE);
        if magic != MAGIC {
            return Err(Error::NoDevice(magic));
        }
        let version = registers.read(VERSION);
        if version != MMIO_VERSION {
            return Err(Error::Version(version));
        }
        Ok(Self(registers))
    }

    pub fn kind(&self) -> u32 {
        self.0.read(DEVICE_ID)
    }

    pub fn status(&self) -> u32 {
        self.0.read(STATUS)
    }

    pub fn set_status(&self, status: u32) {
        self.0.write(STATUS, status);
    }

    pub fn offered(&self) -> u64 {
        let half = |select| {
            self.0.write(DEVICE_FEATURES_SEL, select);
            u64::from(self.0.read(DEVICE_FEATURES))
        };
        half(0) | half(1) << 32
    }

    pub fn accept(&self, features: u64) {
        for (select, half) in [(0, features as u32), (1, (features >> 32) as u32)] {
            self.0.write(DRIVER_FEATURES_SEL, select);
            self.0.write(DRIVER_FEATURES, half);
        }
    }

    pub fn queue_size(&self, n: u32) -> u32 {
        self.0.write(QUEUE_SEL, n);
        let max = self.0.read(QUEUE_NUM_MAX);
        match self.0.read(QUEUE_READY) {
            0 => max,
            _ => 0,
        }
    }

    pub fn enable(&mut self, n: u32, size: u16, addresses: [u64; 3]) -> Result<(), Error> {
        self.0.write(QUEUE_SEL, n);
        self.0.write(QUEUE_NUM, size.into());
        let places = [QUEUE_DESC, QUEUE_DRIVER, QUEUE_DEVICE];
        for (register, address) in places.into_iter().zip(addresses) {
            self.0.write(register, address as u32);
            self.0.write(register + 4, (address >> 32) as u32);
        }
        self.0.write(QUEUE_READY, 1);
        Ok(())
    }

    pub fn notify(&self, n: u32) {
        self.0.write(QUEUE_NOTIFY, n);
    }

    pub fn interrupt(&self) -> bool {
        let pending = self.0.read(INTERRUPT_STATUS);
        if pending != 0 {
            self.0.write(INTERRUPT_ACK, pending);
        }
        pending & CONFIGURATION_CHANGE != 0
    }

    pub fn config(&self, offset: usize) -> u32 {
        self.0.read(CONFIG + offset)
    }

    pub fn config_generation(&self) -> u32 {
        self.0.read(CONFIG_GENERATION)
    }
}
