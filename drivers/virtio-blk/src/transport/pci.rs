// SPDX-License-Identifier: BSD-2-Clause
//! virtio over PCI (4.1), with message-signalled interrupts.
//!
//! The driver sees the function's configuration space read-only, for where its registers are. What is written there (base
//! addresses, bus mastering, the table of messages) is `update`'s business, done before a generation starts.

use molt_shared::{Mmio as Window, Narrow};

use super::{QueueAddresses, Transport};
use crate::error::Error;
use crate::registers::BLOCK_DEVICE;

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
/// The message of both the queue and the configuration.
const MESSAGE: u16 = 0;

/// Where a structure is, in bytes from the beginning of the registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    offset: usize,
    /// Only of the notification structure: bytes from one queue's register to the next.
    multiplier: usize,
}

/// The device.
#[derive(Debug)]
pub struct Pci<R> {
    registers: R,
    device: u32,
    common: usize,
    config: usize,
    notify: Place,
}

/// The index of the base address register whose memory holds the device's common structure, by the function's
/// configuration space.
pub fn find_bar(configuration: &impl Window) -> Option<u32> {
    structures(configuration).find_map(|(kind, bar, _)| (kind == COMMON).then_some(bar))
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
                let multiplier = if kind == NOTIFY {
                    configuration.read(at + 16)
                } else {
                    0
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
        let bar = find_bar(configuration);
        let of = |wanted| {
            let mut all = structures(configuration);
            all.find_map(|(kind, at, place)| (kind == wanted && Some(at) == bar).then_some(place))
                .ok_or(Error::Structure(wanted))
        };
        Ok(Self {
            device: (identity >> 16) - FIRST_DEVICE,
            common: of(COMMON)?.offset,
            config: of(DEVICE)?.offset,
            notify: of(NOTIFY)?,
            registers,
        })
    }

    fn select(&self) {
        self.registers.write_16(self.common + QUEUE_SELECT, 0);
    }
}

impl<R: Narrow> Transport for Pci<R> {
    fn identify(&self) -> Result<(), Error> {
        match self.device {
            BLOCK_DEVICE => Ok(()),
            other => Err(Error::DeviceId(other)),
        }
    }

    fn status(&self) -> u32 {
        self.registers.read_8(self.common + STATUS).into()
    }

    fn set_status(&self, status: u32) {
        self.registers.write_8(self.common + STATUS, status as u8);
    }

    fn device_features(&self) -> u64 {
        let half = |n: u32| {
            self.registers.write(self.common + DEVICE_FEATURE_SELECT, n);
            u64::from(self.registers.read(self.common + DEVICE_FEATURE))
        };
        half(0) | half(1) << 32
    }

    fn set_driver_features(&self, features: u64) {
        for (n, half) in [(0, features as u32), (1, (features >> 32) as u32)] {
            self.registers.write(self.common + DRIVER_FEATURE_SELECT, n);
            self.registers.write(self.common + DRIVER_FEATURE, half);
        }
    }

    fn queue_max(&self) -> u32 {
        self.select();
        if self.registers.read_16(self.common + QUEUE_ENABLE) != 0 {
            return 0;
        }
        self.registers.read_16(self.common + QUEUE_SIZE).into()
    }

    fn set_queue(&self, size: u32, queue: &QueueAddresses) -> Result<(), Error> {
        self.select();
        self.registers
            .write_16(self.common + QUEUE_SIZE, size as u16);
        for (register, address) in [
            (QUEUE_DESC, queue.descriptors),
            (QUEUE_DRIVER, queue.driver),
            (QUEUE_DEVICE, queue.device),
        ] {
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
        self.registers.write_16(self.common + QUEUE_ENABLE, 1);
        Ok(())
    }

    fn notify(&self) {
        // Queue 0's register, which the device may put elsewhere than at the structure's beginning (4.1.4.4).
        let off = usize::from(self.registers.read_16(self.common + QUEUE_NOTIFY_OFF));
        let at = self.notify.offset + off * self.notify.multiplier;
        self.registers.write_16(at, 0);
    }

    fn interrupt(&self) -> bool {
        // A message has no status to take (4.1.4.5): one that says nothing new is as good as any.
        true
    }

    fn config(&self, offset: usize) -> u32 {
        self.registers.read(self.config + offset)
    }

    fn config_generation(&self) -> u32 {
        self.registers
            .read_8(self.common + CONFIG_GENERATION)
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    /// Bytes that read as they were written.
    struct Bytes(RefCell<Vec<u8>>);

    impl Bytes {
        fn new(size: usize) -> Self {
            Self(RefCell::new(vec![0; size]))
        }
        fn get<const N: usize>(&self, at: usize) -> [u8; N] {
            self.0.borrow()[at..at + N].try_into().unwrap()
        }
        fn put(&self, at: usize, bytes: &[u8]) {
            self.0.borrow_mut()[at..at + bytes.len()].copy_from_slice(bytes);
        }
    }

    impl Window for &Bytes {
        fn read(&self, offset: usize) -> u32 {
            u32::from_le_bytes(self.get(offset))
        }
        fn write(&self, offset: usize, value: u32) {
            self.put(offset, &value.to_le_bytes());
        }
    }

    impl Narrow for &Bytes {
        fn read_8(&self, offset: usize) -> u8 {
            self.get::<1>(offset)[0]
        }
        fn write_8(&self, offset: usize, value: u8) {
            self.put(offset, &[value]);
        }
        fn read_16(&self, offset: usize) -> u16 {
            u16::from_le_bytes(self.get(offset))
        }
        fn write_16(&self, offset: usize, value: u16) {
            self.put(offset, &value.to_le_bytes());
        }
    }

    /// As QEMU's virtio-blk-pci has it.
    fn configuration() -> Bytes {
        let bytes = Bytes::new(256);
        bytes.put(0x00, &0x1042_1af4_u32.to_le_bytes());
        bytes.put(0x34, &[0x40]);
        // An MSI-X capability first, then the structures.
        bytes.put(0x40, &[0x11, 0x50, 0x01, 0x80]);
        for (at, next, kind, offset) in [
            (0x50, 0x60, 1, 0x0000_u32),
            (0x60, 0x70, 4, 0x2000),
            (0x70, 0x00, 2, 0x3000),
        ] {
            bytes.put(at, &[0x09, next, 16, kind, 4, 0, 0, 0]);
            bytes.put(at + 8, &offset.to_le_bytes());
            if kind == 2 {
                bytes.put(at + 16, &4_u32.to_le_bytes());
            }
        }
        bytes
    }

    #[test]
    fn structures_are_found_by_their_capabilities() {
        let configuration = configuration();
        let registers = Bytes::new(0x4000);
        let pci = Pci::new(&&configuration, &registers).unwrap();
        assert_eq!((pci.common, pci.config), (0, 0x2000));
        assert_eq!(pci.identify(), Ok(()));
        assert_eq!(find_bar(&&configuration), Some(4));
        registers.write_16_at(QUEUE_NOTIFY_OFF, 2);
        registers.put(0x3000, &[0xff; 16]);
        pci.notify();
        assert_eq!(registers.get::<4>(0x3008), [0, 0, 0xff, 0xff]);
    }

    impl Bytes {
        fn write_16_at(&self, at: usize, value: u16) {
            self.put(at, &value.to_le_bytes());
        }
    }

    #[test]
    fn a_list_of_capabilities_that_is_a_circle_ends() {
        let configuration = configuration();
        configuration.put(0x71, &[0x40]);
        configuration.put(0x63, &[9]);
        let error = Pci::new(&&configuration, &Bytes::new(0x4000)).err();
        assert_eq!(error, Some(Error::Structure(DEVICE)));
    }

    #[test]
    fn another_function_is_refused() {
        let configuration = configuration();
        configuration.put(0x00, &0x10d3_8086_u32.to_le_bytes());
        let error = Pci::new(&&configuration, &Bytes::new(0x4000)).err();
        assert_eq!(error, Some(Error::NoDevice(0x10d3_8086)));
    }
}
