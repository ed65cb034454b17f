// SPDX-License-Identifier: BSD-2-Clause
//! What only x86_64's descriptions have: PCI functions, I/O ports, and devices' address spaces.

use super::{At, RegionId, Rights};
use crate::Span;
/// A PCI function: bus << 8 | device << 3 | function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PciFunction(pub u16);

impl std::fmt::Display for PciFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(all) = self;
        write!(f, "{:02x}:{:02x}.{}", all >> 8, all >> 3 & 0x1f, all & 7)
    }
}

/// `<ioport>`
#[derive(Clone, Debug)]
pub struct IoPorts {
    /// Where the element is.
    pub span: Span,
    /// Identifier in the PD.
    pub id: At<u64>,
    /// The first port.
    pub first: u64,
    /// How many.
    pub count: u64,
}

/// `<io_address_space>`: what a device reaches by DMA.
#[derive(Clone, Debug)]
pub struct IoSpace {
    /// Unique name.
    pub name: String,
    /// Where its name is.
    pub span: Span,
    /// The device.
    pub device: PciFunction,
    /// The IOMMU's domain.
    pub domain: u64,
    /// What is mapped in it.
    pub maps: Vec<IoMap>,
}

/// `<iomap>`
#[derive(Clone, Debug)]
pub struct IoMap {
    /// The region.
    pub region: RegionId,
    /// Where the element is.
    pub span: Span,
    /// The device's first address.
    pub address: u64,
    /// Access.
    pub rights: Rights,
}

/// `<pci>` of a replaceable PD: what `update` sets in the function's configuration space.
#[derive(Clone, Debug)]
pub struct Pci {
    /// Where the element is.
    pub span: Span,
    /// The region that is the function's configuration space, which `update` alone maps.
    pub configuration: RegionId,
    /// The region that has the table of messages, which `update` alone maps.
    pub messages: RegionId,
    /// Base address registers: index, and the region that it is set to.
    pub bars: Vec<(u64, RegionId)>,
}
