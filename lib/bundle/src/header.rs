// SPDX-License-Identifier: BSD-2-Clause
//! The header's layout, and how one is made.

use sha2::{Digest, Sha256};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// First bytes of a bundle.
pub const MAGIC: [u8; 8] = *b"MOLTBNDL";
/// The version of the layout.
pub const VERSION: u32 = 1;
/// Bytes of the header; the payload starts here.
pub const HEADER_LENGTH: usize = 256;
/// Bytes that the header's digest covers.
const DIGESTED: usize = HEADER_LENGTH - 120;

/// The header as it stands in the bundle.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Header {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// [`VERSION`].
    pub version: U32,
    /// [`HEADER_LENGTH`].
    pub header_length: U32,
    /// Vendor of the component, padded with NUL.
    pub vendor: [u8; 16],
    /// Class of the device, padded with NUL.
    pub class: [u8; 16],
    /// The device, as in a device tree's `compatible`, padded with NUL.
    pub device: [u8; 32],
    /// Version of the interface between driver, clients and `update`.
    pub abi: U32,
    /// Version of the driver's capsule.
    pub capsule: U32,
    /// Rises with each release; not a driver's version.
    pub sequence: U64,
    /// Bytes of the payload.
    pub payload_length: U64,
    /// SHA-256 of the payload.
    pub payload_digest: [u8; 32],
    /// SHA-256 of the header up to here.
    pub header_digest: [u8; 32],
    /// Zero.
    pub reserved: [u8; 88],
}

const _: () = assert!(size_of::<Header>() == HEADER_LENGTH);
const _: () = assert!(core::mem::offset_of!(Header, header_digest) == DIGESTED);

/// What a bundle is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Vendor, padded with NUL.
    pub vendor: [u8; 16],
    /// Class, padded with NUL.
    pub class: [u8; 16],
    /// Device, padded with NUL.
    pub device: [u8; 32],
    /// Version of the driver's interface.
    pub abi: u32,
    /// Version of the capsule.
    pub capsule: u32,
}

impl Identity {
    /// Pads the names; `None` if one is too long.
    #[must_use]
    pub fn new(vendor: &str, class: &str, device: &str, abi: u32, capsule: u32) -> Option<Self> {
        Some(Self {
            vendor: padded(vendor)?,
            class: padded(class)?,
            device: padded(device)?,
            abi,
            capsule,
        })
    }
}

impl Header {
    /// The header that these bytes are, whatever they say.
    #[must_use]
    pub fn of(bytes: &[u8; HEADER_LENGTH]) -> Self {
        zerocopy::transmute!(*bytes)
    }

    /// SHA-256 over the part of the header that its digest covers.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let (covered, _) = self.as_bytes().split_at(DIGESTED);
        Sha256::digest(covered).into()
    }

    /// What the bundle says it is for.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity {
            vendor: self.vendor,
            class: self.class,
            device: self.device,
            abi: self.abi.get(),
            capsule: self.capsule.get(),
        }
    }
}

/// Makes the header for `payload`; the bundle is these bytes and then the payload.
#[must_use]
pub fn pack(identity: &Identity, sequence: u64, payload: &[u8]) -> [u8; HEADER_LENGTH] {
    let mut header = Header {
        magic: MAGIC,
        version: VERSION.into(),
        header_length: (HEADER_LENGTH as u32).into(),
        vendor: identity.vendor,
        class: identity.class,
        device: identity.device,
        abi: identity.abi.into(),
        capsule: identity.capsule.into(),
        sequence: sequence.into(),
        payload_length: (payload.len() as u64).into(),
        payload_digest: Sha256::digest(payload).into(),
        header_digest: [0; 32],
        reserved: [0; 88],
    };
    header.header_digest = header.digest();
    zerocopy::transmute!(header)
}

fn padded<const N: usize>(name: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    bytes
        .get_mut(..name.len())?
        .copy_from_slice(name.as_bytes());
    Some(bytes)
}
