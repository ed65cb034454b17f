// SPDX-License-Identifier: BSD-2-Clause
//! Errors after which only a reset of the device helps.

use core::fmt;

use molt_service::Code;

/// The device, or what the driver was given, is not as it has to be. Only a reset of the device helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// No virtio device: the magic value of virtio-mmio (4.2.2), or vendor and device of a PCI function, that was read.
    NoDevice(u32),
    /// Not version 2 of the registers: a legacy device (1).
    Version(u32),
    /// Another kind of device than the driver's (5.1.1 and the like); 0 is an empty slot.
    DeviceId(u32),
    /// The device does not become 0 after a reset was written (4.2.2.1).
    Reset,
    /// The device is not virtio 1 or refuses the features that were chosen from its own (3.1.1).
    Features,
    /// The configuration changed at every attempt to read it (2.5.1).
    Config,
    /// The device takes requests of too few segments; holds its limit (5.2.4).
    Segments(u32),
    /// The queue is not there, or in use, or too short (4.2.3.2).
    Queue,
    /// The ring memory is too small or not aligned to 16 bytes.
    Memory,
    /// A used ring's index moved by more than was given to the device.
    UsedIndex(u16),
    /// A used ring names a descriptor that was not given to the device.
    UsedId(u32),
    /// The device reports that it wrote more than it had room for, or less than a frame can have.
    UsedLength(u32),
    /// The device says that it has failed and needs a reset (2.1.2).
    NeedsReset,
    /// The device did not do what its control queue was asked for (5.1.6.5).
    Control(u8),
    /// A PCI function lacks one of virtio's structures (4.1.4), of this kind.
    Structure(u32),
    /// The PCI function cannot send its message (4.1.5.1.2).
    Message,
}

impl Code for Error {
    fn code(&self) -> u64 {
        match self {
            Self::NoDevice(_) => 1,
            Self::Version(_) => 2,
            Self::DeviceId(_) => 3,
            Self::Reset => 4,
            Self::Features => 5,
            Self::Config => 6,
            Self::Segments(_) => 7,
            Self::Queue => 8,
            Self::Memory => 9,
            Self::UsedIndex(_) => 10,
            Self::UsedId(_) => 11,
            Self::NeedsReset => 12,
            Self::UsedLength(_) => 13,
            Self::Control(_) => 14,
            Self::Structure(_) => 15,
            Self::Message => 16,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDevice(found) => write!(f, "no virtio device, found {found:#x}"),
            Self::Version(version) => write!(f, "virtio-mmio version {version}, not 2"),
            Self::DeviceId(id) => write!(f, "device {id} is of another kind"),
            Self::Reset => f.write_str("the device does not reset"),
            Self::Features => f.write_str("no agreement on features"),
            Self::Config => f.write_str("the configuration does not settle"),
            Self::Segments(limit) => write!(f, "segments limited to {limit}"),
            Self::Queue => f.write_str("no usable queue"),
            Self::Memory => f.write_str("ring memory too small or misaligned"),
            Self::UsedIndex(index) => write!(f, "used index {index} cannot be"),
            Self::UsedId(id) => write!(f, "used descriptor {id} was not given"),
            Self::UsedLength(length) => write!(f, "used length {length} cannot be"),
            Self::NeedsReset => f.write_str("the device needs a reset"),
            Self::Control(answer) => write!(f, "control command answered with {answer}"),
            Self::Structure(kind) => write!(f, "no virtio structure of kind {kind}"),
            Self::Message => f.write_str("the device cannot send its message"),
        }
    }
}

impl core::error::Error for Error {}
