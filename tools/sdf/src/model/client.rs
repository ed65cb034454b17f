// SPDX-License-Identifier: BSD-2-Clause
//! Clients of a replaceable protection domain, and their shares of its device.

use std::ops::Range;

use super::{DomainId, RegionId, StandIn, Techniques};
use crate::Span;

/// `<client>` of a replaceable PD.
#[derive(Clone, Debug)]
pub struct Client {
    /// Where the element is.
    pub span: Span,
    /// The client.
    pub domain: DomainId,
    /// The queue's region; `None` for a client that drives the device itself, or reads a ROM.
    pub queue: Option<RegionId>,
    /// The memory that the device reads and writes for this client; `None` for a class whose device reaches none.
    pub memory: Option<RegionId>,
    /// Its share of the device, if the description gives one.
    pub share: Option<Share>,
    /// How long an update waits for it at the most, in us, if it defers it; 0: it may not.
    pub defer_us: u64,
    /// How it is denied the device.
    pub techniques: Techniques,
    /// The memory of a disk's stand-in.
    pub stand_in: Option<StandIn>,
}

impl Client {
    /// The sectors of its share of a disk.
    pub fn sectors(&self) -> Range<u64> {
        match self.share {
            Some(Share::Block {
                first_sector,
                sectors,
            }) => first_sector..first_sector.saturating_add(sectors),
            _ => 0..0,
        }
    }

    /// Whether its guest has to give the device up before each update: a disk with the technique `unplug`.
    pub fn gives_up(&self) -> bool {
        self.techniques.unplug && matches!(self.share, Some(Share::Block { .. }))
    }

    /// Where its guest reads the content of a ROM.
    pub fn rom(&self) -> Option<u64> {
        match self.share {
            Some(Share::Rom { vaddr }) => Some(vaddr),
            _ => None,
        }
    }

    /// Where its guest finds the device that it drives itself.
    pub fn passed(&self) -> Option<&PassThrough> {
        match &self.share {
            Some(Share::PassThrough(passed)) => Some(passed),
            _ => None,
        }
    }
}

/// The class of flash whose content clients read.
pub const ROM: &str = "rom";

/// The class of devices that a guest drives itself.
pub const PASS_THROUGH: &str = "pass-through";

/// A client's share of a device: the child element of `<client>`, which is named like the class of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// `<block>`: a part of a disk.
    Block {
        /// Its first sector.
        first_sector: u64,
        /// How many sectors.
        sectors: u64,
    },
    /// `<entropy>`: random numbers, of which there is no end.
    Entropy,
    /// `<network>`: a port of the switch.
    Network {
        /// The client's MAC address.
        mac: [u8; 6],
        /// Whether it may send from no other address.
        pinned: bool,
        /// Whether it exchanges frames only with the outside and with clients that are not isolated.
        isolated: bool,
    },
    /// `<sensor>`: a controller's sensors, each of which every client may read.
    Sensor,
    /// `<pass_through>`: the device itself, which the client's guest drives.
    PassThrough(PassThrough),
    /// `<rom>`: memory with the content of the flash, to read.
    Rom {
        /// Its guest-physical address.
        vaddr: u64,
    },
}

/// `<pass_through>`: where a guest finds a device that it drives itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassThrough {
    /// Guest-physical address of the device's pages.
    pub vaddr: u64,
    /// Its interrupt in the guest.
    pub irq: u64,
    /// The identifier under which the client gets the interrupt.
    pub id: u64,
    /// Where in the pages its registers are: offset and bytes, for the device tree.
    pub registers: (u64, u64),
}

impl Share {
    /// The class, as `<replaceable class=…>` names it.
    pub fn class(&self) -> &'static str {
        match self {
            Share::Block { .. } => "block",
            Share::Entropy => "entropy",
            Share::Network { .. } => "network",
            Share::Sensor => "sensor",
            Share::PassThrough(_) => PASS_THROUGH,
            Share::Rom { .. } => ROM,
        }
    }
}
