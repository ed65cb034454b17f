// SPDX-License-Identifier: BSD-2-Clause
//! The transfer, and what is asked of the device meanwhile.

use core::fmt;
use core::hint::black_box;

use molt_firmware::{Image, Refusal};
use molt_service::{Code, Progress, Service};
use molt_shared::Registers;

/// Registers of a page with eight transports of QEMU's virt (virtio 1.2, 4.2.2): magic value, device ID, status.
const TRANSPORT: usize = 0x200;
const TRANSPORTS: usize = 8;
const MAGIC: usize = 0x000;
const DEVICE_ID: usize = 0x008;
const STATUS: usize = 0x070;
const VIRT: u32 = u32::from_le_bytes(*b"virt");
const DISK: u32 = 2;

/// Pieces in which the image is transferred. `update` wakes a generation that starts each 10 ms.
const PIECES: usize = 20;
/// Wake-ups after which an image for tests faults.
const LATE: u32 = 2;

/// Why a generation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// What the bundle brings is no firmware.
    Image(Refusal),
    /// There is no disk on the page.
    NoDisk,
    /// The disk's status has changed, although nobody else has the registers.
    Changed,
}

impl Code for Failure {
    fn code(&self) -> u64 {
        match self {
            Self::Image(_) => 1,
            Self::NoDisk => 2,
            Self::Changed => 3,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// The device, and how far it is updated.
pub struct Updater {
    registers: Registers,
    image: Image<'static>,
    /// The disk's first register, and its status when this PD was given it.
    base: usize,
    status: u32,
    pieces: usize,
    /// A sum of what was transferred.
    sum: u32,
    pumped: u32,
}

impl Updater {
    /// Takes the device as the guest has left it. It is not reset: the guest's requests stay with it.
    pub fn start(
        registers: Registers,
        image: Result<Image<'static>, Refusal>,
    ) -> Result<Self, Failure> {
        let image = image.map_err(Failure::Image)?;
        let mut places = (0..TRANSPORTS).map(|n| n * TRANSPORT);
        let is_disk = |base: &usize| {
            registers.read(base + MAGIC) == VIRT && registers.read(base + DEVICE_ID) == DISK
        };
        let base = places.find(is_disk).ok_or(Failure::NoDisk)?;
        let status = registers.read(base + STATUS);
        Ok(Self {
            registers,
            image,
            base,
            status,
            pieces: 0,
            sum: 0,
            pumped: 0,
        })
    }
}

impl Service for Updater {
    type Error = Failure;

    fn ready(&mut self) -> Result<bool, Failure> {
        if self.registers.read(self.base + STATUS) != self.status {
            return Err(Failure::Changed);
        }
        let bytes = self.image.bytes();
        let mut pieces = bytes.chunks(bytes.len().div_ceil(PIECES).max(1));
        let piece = pieces.nth(self.pieces).unwrap_or_default();
        let sum = piece
            .iter()
            .fold(self.sum, |sum, byte| sum.rotate_left(5) ^ u32::from(*byte));
        self.sum = black_box(sum);
        self.pieces += 1;
        if black_box(cfg!(feature = "fault-in-transfer")) && self.pieces > PIECES / 2 {
            panic!("this image faults while it has the device");
        }
        Ok(self.pieces > PIECES && !cfg!(feature = "never-ready"))
    }

    fn in_flight(&self) -> usize {
        0
    }

    fn set_taking(&mut self, _taking: bool) {}

    fn pump(&mut self) -> Result<Progress, Failure> {
        // The guest has the device from the moment at which this PD was ready: no register is read here.
        self.pumped += u32::from(self.pieces > PIECES);
        if black_box(cfg!(feature = "fault-late")) && self.pumped > LATE {
            panic!("this image faults in probation");
        }
        Ok(Progress::default())
    }

    fn interrupt(&mut self) -> Result<Progress, Failure> {
        Ok(Progress::default())
    }
}
