// SPDX-License-Identifier: BSD-2-Clause
//! virtio over PCI (4.1), with message-signalled interrupts.
//!
//! The driver sees the function's configuration space read-only, for where its registers are. What is written there (base
//! addresses, bus mastering, the table of messages) is `update`'s business, done before a generation starts.

use molt_shared::{Mmio as Window, Narrow};

use crate::error::Error;

/// Vendor and device (PCI 3.0, 6.2.1): virtio's, whose device identifiers begin at 0x1040 (4.1.2.1).
const IDENTITY: usize = 0x00;
const VIRTIO: u32 = 0x1af4;
const FIRST_DEVICE: u32 = 0x1040;
/// The list of capabilities (6.7), and how many there can be: each takes 4 bytes of 192 at least.
const CAPABILITIES: usize = 0x34;
const MOST_CAPABILITIES: usize = 48;
/// A vendor's own capability: here a virtio structure's place (4.1.4).
const VENDOR: u32 = 0x09;

/// Kinds of structures (4.1.4).
const COMMON: u32 = 1;
const NOTIFY: u32 = 2;
const DEVICE: u32 = 4;

/// The common structure (4.1.4.3).
const DEVICE_FEATURE_SELECT: usize = 0x00;
const DEVICE_FEATURE: usize = 0x04;
const DRIVER_FEATURE_SELECT: usize = 0x08;
const DRIVER_FEATURE: usize = 0x0c;
const CONFIG_VECTOR: usize = 0x10;
const STATUS: usize = 0x14;
const CONFIG_GENERATION: usize = 0x15;
const QUEUE_SELECT: usize = 0x16;
const QUEUE_SIZE: usize = 0x18;
const QUEUE_VECTOR: usize = 0x1a;
const QUEUE_ENABLE: usize = 0x1c;
const QUEUE_NOTIFY_OFF: usize = 0x1e;
const QUEUE_DESC: usize = 0x20;
const QUEUE_DRIVER: usize = 0x28;
const QUEUE_DEVICE: usize = 0x30;
/// The message of all queues and the configuration.
const MESSAGE: u16 = 0;

/// Most queues of a device that a driver here uses.
const QUEUES: usize = 3;

/// Where a structure is, in bytes from the beginning of the registers.
#[derive(Clone, Copy, Debug)]
struct Place {
    offset: usize,
    /// Only of the notification structure: bytes from one queue's register to the next.
    multiplier: usize,
}

/// The device.
#[derive(Debug)]
pub struct Pci<R> {
    registers: R,
    kind: u32,
    common: usize,
    /// A kind of device without a configuration has none (4.1.4.6.1).
    config: Option<usize>,
    notify: Place,
    /// By a queue's number: the register that notifies the device of it.
    doorbells: [usize; QUEUES],
}

/// Kind, index of the base address register, and place of each virtio structure.
fn structures(configuration: &impl Window) -> impl Iterator<Item = (u32, u32, Place)> {
    let mut next = configuration.read(CAPABILITIES) & 0xfc;
    let mut left = MOST_CAPABILITIES;
    core::iter::from_fn(move || {
        while next != 0 && left != 0 {
            left -= 1;
            let at = next as usize;
            let head = configuration.read(at);
            next = head >> 8 & 0xfc;
            if head & 0xff == VENDOR {
                let kind = head >> 24;
                let multiplier = match kind {
                    NOTIFY => configuration.read(at + 16),
                    _ => 0,
                };
                let place = Place {
                    offset: configuration.read(at + 8) as usize,
                    multiplier: multiplier as usize,
                };
                return Some((kind, configuration.read(at + 4) & 0xff, place));
            }
        }
        None
    })
}

impl<R: Narrow> Pci<R> {
    /// The function with this configuration space; `registers` are what the base address register with the common
    /// structure gives.
    ///
    /// # Errors
    /// It is no virtio device, or its structures are not all there.
    pub fn new(configuration: &impl Window, registers: R) -> Result<Self, Error> {
        let identity = configuration.read(IDENTITY);
        if identity & 0xffff != VIRTIO || identity >> 16 < FIRST_DEVICE {
            return Err(Error::NoDevice(identity));
        }
        let all = || structures(configuration);
        let bar = all().find_map(|(kind, bar, _)| (kind == COMMON).then_some(bar));
        let of = |wanted| {
            all().find_map(|(kind, at, place)| (kind == wanted && Some(at) == bar).then_some(place))
        };
        let needed = |wanted| of(wanted).ok_or(Error::Structure(wanted));
        Ok(Self {
            kind: (identity >> 16) - FIRST_DEVICE,
            common: needed(COMMON)?.offset,
            config: of(DEVICE).map(|place| place.offset),
            notify: needed(NOTIFY)?,
            doorbells: [0; QUEUES],
            registers,
        })
    }

    fn select(&self, queue: u32) {
        let at = self.common + QUEUE_SELECT;
        self.registers.write_16(at, queue as u16);
    }

    pub fn kind(&self) -> u32 {
        self.kind
    }

    pub fn status(&self) -> u32 {
        self.registers.read_8(self.common + STATUS).into()
    }

    pub fn set_status(&self, status: u32) {
        self.registers.write_8(self.common + STATUS, status as u8);
    }

    pub fn offered(&self) -> u64 {
        let half = |n: u32| {
            self.registers.write(self.common + DEVICE_FEATURE_SELECT, n);
            u64::from(self.registers.read(self.common + DEVICE_FEATURE))
        };
        half(0) | half(1) << 32
    }

    pub fn accept(&self, features: u64) {
        for (n, half) in [(0, features as u32), (1, (features >> 32) as u32)] {
            self.registers.write(self.common + DRIVER_FEATURE_SELECT, n);
            self.registers.write(self.common + DRIVER_FEATURE, half);
        }
    }

    pub fn queue_size(&self, n: u32) -> u32 {
        self.select(n);
        match self.registers.read_16(self.common + QUEUE_ENABLE) {
            0 => self.registers.read_16(self.common + QUEUE_SIZE).into(),
            _ => 0,
        }
    }

    pub fn enable(&mut self, n: u32, size: u16, addresses: [u64; 3]) -> Result<(), Error> {
        self.select(n);
        self.registers.write_16(self.common + QUEUE_SIZE, size);
        let places = [QUEUE_DESC, QUEUE_DRIVER, QUEUE_DEVICE];
        for (register, address) in places.into_iter().zip(addresses) {
            // Fields of 64 bits are written in halves (4.1.3.1).
            self.registers.write(self.common + register, address as u32);
            let high = (address >> 32) as u32;
            self.registers.write(self.common + register + 4, high);
        }
        for register in [CONFIG_VECTOR, QUEUE_VECTOR] {
            self.registers.write_16(self.common + register, MESSAGE);
            // What the device cannot do reads back as 0xffff (4.1.5.1.2).
            if self.registers.read_16(self.common + register) != MESSAGE {
                return Err(Error::Message);
            }
        }
        // The device may put a queue's register elsewhere than at the structure's beginning (4.1.4.4).
        let off = usize::from(self.registers.read_16(self.common + QUEUE_NOTIFY_OFF));
        let doorbell = self.doorbells.get_mut(n as usize).ok_or(Error::Queue)?;
        *doorbell = self.notify.offset + off * self.notify.multiplier;
        self.registers.write_16(self.common + QUEUE_ENABLE, 1);
        Ok(())
    }

    pub fn notify(&self, n: u32) {
        if let Some(doorbell) = self.doorbells.get(n as usize) {
            self.registers.write_16(*doorbell, n as u16);
        }
    }

    pub fn interrupt(&self) -> bool {
        // A message has no status to take (4.1.4.5): one that says nothing new is as good as any.
        true
    }

    pub fn config(&self, offset: usize) -> u32 {
        let at = self.config.map(|config| config + offset);
        at.map_or(u32::MAX, |at| self.registers.read(at))
    }

    pub fn config_generation(&self) -> u32 {
        let generation = self.registers.read_8(self.common + CONFIG_GENERATION);
        generation.into()
    }
}
