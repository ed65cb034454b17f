// SPDX-License-Identifier: BSD-2-Clause
//! The I/O ports of a Microkit protection domain.

use sel4::{CPtrBits, Result, cap};

/// Where the Microkit CNode holds the first range of I/O ports.
pub const BASE_IOPORT_SLOT: CPtrBits = 394;

/// A range of I/O ports of this protection domain, by its id (0 to 61). Function names are libmicrokit's, without their
/// prefix.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub struct IoPort {
    index: usize,
}

impl IoPort {
    /// Range `index`.
    pub const fn new(index: usize) -> Self {
        Self { index }
    }

    fn cap(self) -> cap::IOPort {
        cap::IOPort::from_bits(BASE_IOPORT_SLOT + self.index as CPtrBits)
    }

    /// Reads 8 bits from a port of the range.
    pub fn read_8(self, port: u16) -> Result<u8> {
        self.cap().ioport_in8(port)
    }

    /// Reads 32 bits from a port of the range.
    pub fn read_32(self, port: u16) -> Result<u32> {
        self.cap().ioport_in32(port)
    }

    /// Writes 8 bits to a port of the range.
    pub fn write_8(self, port: u16, data: u8) -> Result<()> {
        self.cap().ioport_out8(port, data)
    }

    /// Writes 32 bits to a port of the range.
    pub fn write_32(self, port: u16, data: u32) -> Result<()> {
        self.cap().ioport_out32(port, data)
    }
}
