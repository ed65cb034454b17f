// SPDX-License-Identifier: BSD-2-Clause
//! The brief of a replaceable PD's generations.

use crate::header::{counted, is_brief};
use crate::{BriefHeader, Name};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Most clients of one driver.
pub const MAX_DRIVER_CLIENTS: usize = 8;

/// Words that describe a share.
pub const SHARE_WORDS: usize = 4;

/// One client and its share of the device.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct DriverClient {
    /// The client PD's name.
    pub name: Name,
    /// Address of its queue (revocable).
    pub queue: u64,
    /// 64-bit words of the queue.
    pub queue_words: u64,
    /// Physical address of its queue, filled in by `monitor`.
    pub queue_paddr: u64,
    /// Physical address of its memory, filled in by `monitor`.
    pub memory_paddr: u64,
    /// Bytes of its memory.
    pub memory_size: u64,
    /// Its share, in the words of the device's class ([`crate::Class`]).
    pub share: [u64; SHARE_WORDS],
    /// The driver's channel to it.
    pub channel: u32,
    /// 0
    pub reserved: u32,
}

/// Memory that the driver and its device share (revocable, physically contiguous).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct DriverRing {
    /// Address in the driver; 0: none.
    pub vaddr: u64,
    /// Physical address, filled in by `monitor`.
    pub paddr: u64,
    /// Bytes.
    pub size: u64,
}

/// Where firmware for the component's device is mapped, read-only.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct DriverFirmware {
    /// Most bytes; 0: the device runs none that comes with its driver.
    pub size: u64,
    /// Address of the firmware that belongs to the generation.
    pub own: u64,
    /// Address of the one that belongs to the next generation, while it is transferred.
    pub next: u64,
}

/// What a generation has to work with; the same for all generations of a component.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct DriverBrief {
    /// Header.
    pub header: BriefHeader,
    /// The component's name.
    pub name: Name,
    /// Address of the device's registers; 0: no device.
    pub device: u64,
    /// Bytes of the register mapping.
    pub device_size: u64,
    /// Address of the configuration space of the PCI function that it is (read only); 0: it is none.
    pub configuration: u64,
    /// Address of the orders page (read only).
    pub orders: u64,
    /// Address of the report page.
    pub report: u64,
    /// The ring memory.
    pub ring: DriverRing,
    /// Where the device's firmware is.
    pub firmware: DriverFirmware,
    /// Identifier of the device's interrupt, or [`crate::NONE`].
    pub irq: u32,
    /// Channel of `update`.
    pub update_channel: u32,
    /// Used part of `clients`.
    pub client_count: u32,
    /// 0
    pub reserved: u32,
    /// The clients.
    pub clients: [DriverClient; MAX_DRIVER_CLIENTS],
}

impl DriverBrief {
    counted!(/** The clients. */ clients: DriverClient, client_count);
}

is_brief!(DriverBrief, Driver);
