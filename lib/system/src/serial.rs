// SPDX-License-Identifier: BSD-2-Clause
//! The brief of `serial`.

use crate::header::{counted, is_brief};
use crate::{BriefHeader, ConsoleRings, GUEST_CONSOLES, Name, Ring};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Most PDs that have a ring to `serial`.
pub const MAX_SERIAL_CLIENTS: usize = 16;

/// One PD that writes to the console.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct SerialClient {
    /// The PD's name.
    pub name: Name,
    /// The name of its virtual machine; empty: none.
    pub guest: Name,
    /// The virtual machine's consoles.
    pub consoles: [ConsoleRings; GUEST_CONSOLES],
    /// Its ring, mapped read-write.
    pub ring: u64,
    /// Bytes of the ring.
    pub size: u64,
    /// The channel it signals on.
    pub channel: u32,
    /// 0
    pub reserved: u32,
}

/// What `serial` has to work with.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct SerialBrief {
    /// Header.
    pub header: BriefHeader,
    /// Address of the UART's registers, or its first I/O port.
    pub device: u64,
    /// Identifier of its interrupt, or [`crate::NONE`].
    pub irq: u32,
    /// Used part of `clients`.
    pub client_count: u32,
    /// The UART's kind, a number of `molt_uart::Kind`.
    pub kind: u32,
    /// Identifier of its I/O ports, or [`crate::NONE`]: its registers are in memory.
    pub ports: u32,
    /// Channel of `timer`, or [`crate::NONE`].
    pub timer_channel: u32,
    /// 0
    pub reserved: u32,
    /// The ring in which it passes on what an operator types; `vaddr` 0: nobody listens.
    pub operator: Ring,
    /// The PDs that write.
    pub clients: [SerialClient; MAX_SERIAL_CLIENTS],
}

impl SerialBrief {
    counted!(/** Who writes. */ clients: SerialClient, client_count);
}

is_brief!(SerialBrief, Serial);
