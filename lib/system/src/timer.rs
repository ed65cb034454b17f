// SPDX-License-Identifier: BSD-2-Clause
//! The brief of `timer`.

use crate::header::{counted, is_brief};
use crate::{BriefHeader, Name, Ring};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Most clients of the timer.
pub const MAX_TIMER_CLIENTS: usize = 16;

/// One PD that calls and is notified.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct TimerClient {
    /// The PD's name.
    pub name: Name,
    /// The channel it calls on and is notified on.
    pub channel: u32,
    /// 0
    pub reserved: u32,
}

/// What `timer` has to work with.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct TimerBrief {
    /// Header.
    pub header: BriefHeader,
    /// Its console.
    pub log: Ring,
    /// Address of the registers of a timer of the machine's (a Cadence TTC, an HPET); 0: there is none, and the EL1 physical
    /// timer is open to it.
    pub device: u64,
    /// Identifier of the timer's interrupt.
    pub irq: u32,
    /// Used part of `clients`.
    pub client_count: u32,
    /// The number of the interrupt at the interrupt controller: the GIC's, or the I/O APIC's pin.
    pub line: u32,
    /// 0
    pub reserved: u32,
    /// The PDs that call.
    pub clients: [TimerClient; MAX_TIMER_CLIENTS],
}

impl TimerBrief {
    counted!(/** Who calls. */ clients: TimerClient, client_count);
}

is_brief!(TimerBrief, Timer);
