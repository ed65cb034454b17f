// SPDX-License-Identifier: BSD-2-Clause
//! The forms in which a kernel is delivered, and the flat image that a virtual machine boots.
//!
//! An arm64 kernel has no decompressor of its own: a boot loader unpacks it (Linux:
//! Documentation/arch/arm64/booting.rst, "Decompress the kernel image"). The host does so while it builds the
//! system, so that no decompressor runs in the system.

use std::borrow::Cow;
use std::io::Read;

/// The largest kernel that is unpacked, in bytes: a damaged or hostile file may claim any size.
pub const LARGEST: u64 = 512 << 20;

/// Why a file is no kernel that can be booted.
#[derive(Debug, thiserror::Error)]
pub enum BootImageError {
    /// A compression or format that is known, and not taken.
    #[error("is {0}: {1}")]
    Form(&'static str, &'static str),
    /// An EFI zboot image whose payload is packed in another way.
    #[error(
        "is an EFI zboot image packed with '{0}': gzip and zstd are unpacked here; repack it, or take the kernel's arch/arm64/boot/Image"
    )]
    ZbootCompression(String),
    /// An EFI zboot image that is cut off or contradicts itself.
    #[error(
        "is an EFI zboot image whose payload, {size} bytes from {offset}, is not inside the file of {file} bytes: it is cut off"
    )]
    ZbootPayload {
        /// Of the payload.
        offset: u64,
        /// Of the payload.
        size: u64,
        /// Of the file.
        file: usize,
    },
    /// The packed data is damaged.
    #[error("cannot be unpacked ({form}): {reason}")]
    Damaged {
        /// gzip or zstd.
        form: &'static str,
        /// The decoder's message.
        reason: String,
    },
    /// Unpacked it exceeds [`LARGEST`].
    #[error("unpacks to more than {LARGEST} bytes: it is no kernel")]
    TooLarge,
    /// Packed once more inside.
    #[error("is packed twice: unpack it once by hand")]
    Twice,
}

/// "MZ", then two bytes that are code, then "zimg" (Linux: drivers/firmware/efi/libstub/zboot-header.S).
const ZBOOT_MAGIC: &[u8] = b"zimg";
const ZBOOT_MAGIC_AT: usize = 4;
const ZBOOT_OFFSET_AT: usize = 8;
const ZBOOT_SIZE_AT: usize = 12;
const ZBOOT_COMPRESSION: std::ops::Range<usize> = 24..56;

const GZIP: &[u8] = &[0x1f, 0x8b];
/// RFC 8878, 3.1.1.
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Forms that are recognised and refused: offset, bytes, what it is, and what to do.
const REFUSED: &[(usize, &[u8], &str, &str)] = &[
    (
        0,
        b"\xfd7zXZ\0",
        "packed with xz",
        "unpack it with xz -d first",
    ),
    (
        0,
        b"BZh",
        "packed with bzip2",
        "unpack it with bzip2 -d first",
    ),
    (
        0,
        &[0x02, 0x21, 0x4c, 0x18],
        "packed with lz4",
        "unpack it with lz4 -d first",
    ),
    (
        0,
        &[0x04, 0x22, 0x4d, 0x18],
        "packed with lz4",
        "unpack it with lz4 -d first",
    ),
    (
        0,
        &[0x89, b'L', b'Z', b'O'],
        "packed with lzop",
        "unpack it with lzop -d first",
    ),
    (
        0,
        b"\x7fELF",
        "an ELF file",
        "take arch/arm64/boot/Image, not vmlinux",
    ),
    (
        0,
        b"!<arch>\n",
        "a Debian package",
        "unpack it with dpkg-deb -x and take the vmlinuz in it",
    ),
    (
        0,
        &[0x27, 0x05, 0x19, 0x56],
        "a U-Boot image",
        "take the kernel that it was made of",
    ),
    (
        0,
        &[0xd0, 0x0d, 0xfe, 0xed],
        "a flattened image tree or a device tree",
        "take the kernel out of it",
    ),
    (0x202, b"HdrS", "a kernel for x86", "take one for arm64"),
    (
        0,
        b"QFI\xfb",
        "a qcow2 disk image",
        "give it with --disk, and its kernel here",
    ),
];

/// The flat image of a kernel in any supported form: flat, packed with gzip or zstd, or an EFI zboot image
/// (CONFIG_EFI_ZBOOT) of either. A file of an unknown form is returned unchanged: whoever loads it checks
/// its header.
///
/// # Errors
/// See [`BootImageError`].
pub fn boot_image(file: &[u8]) -> Result<Cow<'_, [u8]>, BootImageError> {
    let unpacked = match () {
        () if file.get(ZBOOT_MAGIC_AT..ZBOOT_MAGIC_AT + 4) == Some(ZBOOT_MAGIC) => zboot(file)?,
        () if file.starts_with(GZIP) => gzip(file)?,
        () if file.starts_with(ZSTD) => zstd(file)?,
        () => {
            refuse(file)?;
            return Ok(Cow::Borrowed(file));
        }
    };
    if unpacked.starts_with(GZIP) || unpacked.starts_with(ZSTD) {
        return Err(BootImageError::Twice);
    }
    refuse(&unpacked)?;
    Ok(Cow::Owned(unpacked))
}

fn refuse(file: &[u8]) -> Result<(), BootImageError> {
    let found = (REFUSED.iter())
        .find(|(at, magic, ..)| file.get(*at..).is_some_and(|rest| rest.starts_with(magic)));
    match found {
        Some((_, _, what, advice)) => Err(BootImageError::Form(what, advice)),
        None => Ok(()),
    }
}

fn zboot(file: &[u8]) -> Result<Vec<u8>, BootImageError> {
    let word = |at: usize| {
        let bytes = file.get(at..at + 4).and_then(|b| b.try_into().ok());
        u64::from(bytes.map_or(0, u32::from_le_bytes))
    };
    let (offset, size) = (word(ZBOOT_OFFSET_AT), word(ZBOOT_SIZE_AT));
    let payload = usize::try_from(offset)
        .ok()
        .zip(usize::try_from(offset + size).ok())
        .and_then(|(start, end)| file.get(start..end))
        .filter(|payload| !payload.is_empty())
        .ok_or(BootImageError::ZbootPayload {
            offset,
            size,
            file: file.len(),
        })?;
    let name = file.get(ZBOOT_COMPRESSION).unwrap_or_default();
    let name: Vec<u8> = name.iter().copied().take_while(|byte| *byte != 0).collect();
    match name.as_slice() {
        b"gzip" => gzip(payload),
        // The name has the level in it: "zstd22".
        name if name.starts_with(b"zstd") => zstd(payload),
        name => Err(BootImageError::ZbootCompression(
            String::from_utf8_lossy(name).into_owned(),
        )),
    }
}

fn gzip(packed: &[u8]) -> Result<Vec<u8>, BootImageError> {
    whole(flate2::read::GzDecoder::new(packed), "gzip")
}

fn zstd(packed: &[u8]) -> Result<Vec<u8>, BootImageError> {
    let decoder = ruzstd::decoding::StreamingDecoder::new(packed);
    let decoder = decoder.map_err(|error| BootImageError::Damaged {
        form: "zstd",
        reason: error.to_string(),
    })?;
    whole(decoder, "zstd")
}

fn whole(decoder: impl Read, form: &'static str) -> Result<Vec<u8>, BootImageError> {
    let mut unpacked = Vec::new();
    let read = decoder.take(LARGEST + 1).read_to_end(&mut unpacked);
    read.map_err(|error| BootImageError::Damaged {
        form,
        reason: error.to_string(),
    })?;
    match unpacked.len() as u64 > LARGEST {
        true => Err(BootImageError::TooLarge),
        false => Ok(unpacked),
    }
}
