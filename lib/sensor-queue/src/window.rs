// SPDX-License-Identifier: BSD-2-Clause
//! The registers through which a guest reads sensors: offsets in a page of its VMM. All are 32 bits, little endian, accessed as
//! aligned 32-bit words. One sensor is read at a time.
//!
//! To read a sensor, write its number to [`SENSOR`], wait until [`STATUS`] is not [`Status::Busy`] (each change raises the
//! interrupt), and take [`VALUE`] if it is [`Status::Value`] or
//! [`Status::Stale`]. [`ANSWERS`] has increased by one then.

use crate::Answer;

/// Value of [`MAGIC`]: "MSEN", least significant byte first.
pub const MAGIC_VALUE: u32 = 0x4e45_534d;
/// Value of [`VERSION`].
pub const VERSION_VALUE: u32 = 1;
/// Size of the register page in bytes.
pub const SIZE: u64 = 0x1000;
/// `compatible` of the device in the device tree. `reg` has the registers; there is one interrupt.
pub const COMPATIBLE: &str = "molt,sensors";

/// Read only: [`MAGIC_VALUE`].
pub const MAGIC: u64 = 0x000;
/// Read only: [`VERSION_VALUE`].
pub const VERSION: u64 = 0x004;
/// Read/write: the sensor. A write begins to read it; while [`STATUS`] is [`Status::Busy`], writes are ignored.
pub const SENSOR: u64 = 0x008;
/// Read only: a [`Status`].
pub const STATUS: u64 = 0x00c;
/// Read only: the value that was read last, in the sensor's unit.
pub const VALUE: u64 = 0x010;
/// Read only: how often a read has ended since the start (modulo 2^32).
pub const ANSWERS: u64 = 0x014;
/// Read; write 1 to clear: bit 0 is set whenever a read has ended. The interrupt's level is this bit.
pub const INTERRUPT_STATUS: u64 = 0x018;
/// The first byte behind the registers.
pub const END: u64 = 0x020;

/// How far the read of a sensor is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum Status {
    /// None was asked for.
    #[default]
    Idle = 0,
    /// There is no answer yet.
    Busy = 1,
    /// [`VALUE`] has it.
    Value = 2,
    /// The controller has no such sensor.
    Absent = 3,
    /// The controller could not read it.
    Faulty = 4,
    /// There is no driver any more.
    Failed = 5,
    /// The driver is away, and [`VALUE`] is what this sensor had when it was read last (technique `stand-in`).
    Stale = 6,
}

impl From<Answer> for Status {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Value(_) => Self::Value,
            Answer::Absent => Self::Absent,
            Answer::Faulty => Self::Faulty,
            Answer::Failed => Self::Failed,
        }
    }
}
