// SPDX-License-Identifier: BSD-2-Clause
//! How a guest is entered, and the header of an arm64 Linux image.

use crate::registers::Frame;
use zerocopy::{FromBytes, Immutable, KnownLayout};

/// PSTATE at entry: EL1 with SP_EL1, debug, SError, IRQ and FIQ masked, as Linux and bare guests want it.
pub const ENTRY_PSTATE: u64 = 0x3c5;

/// The registers at entry: `x0` = address of the device tree (or 0), all others 0, MMU and caches off (Linux:
/// Documentation/arch/arm64/booting.rst, "Call the kernel image").
#[must_use]
pub fn entry_registers(entry: u64, device_tree: u64) -> Frame {
    let mut registers = Frame {
        pc: entry,
        spsr: ENTRY_PSTATE,
        x: [0; 31],
    };
    registers.x[0] = device_tree;
    registers
}

/// Bytes of the header of an arm64 Linux image.
pub const IMAGE_HEADER: usize = 64;
const MAGIC: [u8; 4] = *b"ARM\x64";
const BIG_ENDIAN: u64 = 1;

#[derive(FromBytes, KnownLayout, Immutable)]
#[repr(C)]
struct Header {
    code: [[u8; 4]; 2],
    text_offset: [u8; 8],
    image_size: [u8; 8],
    flags: [u8; 8],
    reserved: [[u8; 8]; 3],
    magic: [u8; 4],
    pe_offset: [u8; 4],
}

/// Where an arm64 Linux image wants to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinuxImage {
    /// Bytes from a 2 MiB boundary.
    pub text_offset: u64,
    /// Bytes of memory from there, BSS included.
    pub image_size: u64,
}

/// Why a file is no such image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// Shorter than its header.
    Short,
    /// The magic number is missing (a compressed image, for example).
    Magic,
    /// For a big-endian CPU.
    BigEndian,
    /// Made before Linux 3.17: its size is not stated.
    NoSize,
}

impl LinuxImage {
    /// Reads the header at the start of `image`.
    ///
    /// # Errors
    /// See [`ImageError`].
    pub fn parse(image: &[u8]) -> Result<Self, ImageError> {
        let (header, _) = Header::read_from_prefix(image).map_err(|_| ImageError::Short)?;
        if header.magic != MAGIC {
            return Err(ImageError::Magic);
        }
        if u64::from_le_bytes(header.flags) & BIG_ENDIAN != 0 {
            return Err(ImageError::BigEndian);
        }
        let image_size = u64::from_le_bytes(header.image_size);
        if image_size == 0 {
            return Err(ImageError::NoSize);
        }
        Ok(Self {
            text_offset: u64::from_le_bytes(header.text_offset),
            image_size,
        })
    }

    /// Address of the image in a memory that starts at `base`: the first place that satisfies the header.
    #[must_use]
    pub const fn address(&self, base: u64) -> Option<u64> {
        const ALIGN: u64 = 2 << 20;
        match base.checked_next_multiple_of(ALIGN) {
            Some(aligned) => aligned.checked_add(self.text_offset),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linux_header() {
        let mut image = [0; IMAGE_HEADER];
        assert_eq!(LinuxImage::parse(&image[..63]), Err(ImageError::Short));
        assert_eq!(LinuxImage::parse(&image), Err(ImageError::Magic));
        image[56..60].copy_from_slice(b"ARMd");
        assert_eq!(LinuxImage::parse(&image), Err(ImageError::NoSize));
        image[10] = 8;
        image[19] = 2;
        let parsed = LinuxImage::parse(&image);
        assert_eq!(
            parsed,
            Ok(LinuxImage {
                text_offset: 0x8_0000,
                image_size: 0x200_0000
            })
        );
        assert_eq!(
            parsed.ok().and_then(|i| i.address(0x4000_1000)),
            Some(0x4028_0000)
        );
        image[24] = 1;
        assert_eq!(LinuxImage::parse(&image), Err(ImageError::BigEndian));
    }
}
