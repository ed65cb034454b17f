// SPDX-License-Identifier: BSD-2-Clause
//! The registers of virtio-mmio (virtio 1.2, 4.2.2) and the numbers in them.
#![allow(missing_docs, reason = "the names are the specification's")]

pub const MAGIC_VALUE: usize = 0x000;
pub const VERSION: usize = 0x004;
pub const DEVICE_ID: usize = 0x008;
pub const DEVICE_FEATURES: usize = 0x010;
pub const DEVICE_FEATURES_SEL: usize = 0x014;
pub const DRIVER_FEATURES: usize = 0x020;
pub const DRIVER_FEATURES_SEL: usize = 0x024;
pub const QUEUE_SEL: usize = 0x030;
pub const QUEUE_NUM_MAX: usize = 0x034;
pub const QUEUE_NUM: usize = 0x038;
pub const QUEUE_READY: usize = 0x044;
pub const QUEUE_NOTIFY: usize = 0x050;
pub const INTERRUPT_STATUS: usize = 0x060;
pub const INTERRUPT_ACK: usize = 0x064;
pub const STATUS: usize = 0x070;
pub const QUEUE_DESC: usize = 0x080;
pub const QUEUE_DRIVER: usize = 0x090;
pub const QUEUE_DEVICE: usize = 0x0a0;
pub const CONFIG_GENERATION: usize = 0x0fc;
pub const CONFIG: usize = 0x100;

/// `virt`, little endian.
pub const MAGIC: u32 = 0x7472_6976;
/// Not legacy.
pub const MMIO_VERSION: u32 = 2;

/// Interrupt status (4.2.2): the configuration changed.
pub const CONFIGURATION_CHANGE: u32 = 2;

/// VIRTIO_F_EVENT_IDX
pub const EVENT_INDEX: u64 = 1 << 29;
/// VIRTIO_F_VERSION_1
pub const VERSION_1: u64 = 1 << 32;
/// VIRTIO_F_ACCESS_PLATFORM: the device reaches memory as the machine's IOMMU lets it.
pub const ACCESS_PLATFORM: u64 = 1 << 33;

/// Device status bits (2.1).
pub mod status {
    pub const ACKNOWLEDGE: u32 = 1;
    pub const DRIVER: u32 = 2;
    pub const DRIVER_OK: u32 = 4;
    pub const FEATURES_OK: u32 = 8;
    pub const NEEDS_RESET: u32 = 64;
    pub const FAILED: u32 = 128;
}
