// SPDX-License-Identifier: BSD-2-Clause
//! The checks, in the order in which a reader of their refusals learns most.

use molt_doorbell::Reason;
use sha2::{Digest, Sha256};
use zerocopy::FromBytes;

use crate::elf::{self, Window};
use crate::header::{HEADER_LENGTH, Header, Identity, MAGIC, VERSION};
use crate::note::configuration;

/// Bytes digested between two reports of progress.
const STEP: usize = 64 * 1024;

/// What a bundle must be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Component {
    /// Vendor, class, device and versions.
    pub identity: Identity,
    /// Where the image may lie.
    pub window: Window,
    /// The configuration of the kernel that it will run on; an image that carries no note of its own is taken.
    pub configuration: molt_note::Digest,
}

/// A bundle that may be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified<'a> {
    /// Its sequence number, above the committed one.
    pub sequence: u64,
    /// SHA-256 of the payload.
    pub digest: [u8; 32],
    /// The payload.
    pub payload: &'a [u8],
    /// Its entry.
    pub entry: u64,
}

/// Checks a bundle for `component`. Its sequence number must be above `committed`; `None` takes any (the factory image).
///
/// # Errors
/// The reason for which it is refused.
pub fn verify<'a>(
    bundle: &'a [u8],
    component: &Component,
    committed: Option<u64>,
) -> Result<Verified<'a>, Reason> {
    verify_with_progress(bundle, component, committed, |_, _| ())
}

/// [`verify`], calling `progress(bytes done, bytes in all)` now and then.
///
/// # Errors
/// As [`verify`].
pub fn verify_with_progress<'a>(
    bundle: &'a [u8],
    component: &Component,
    committed: Option<u64>,
    mut progress: impl FnMut(usize, usize),
) -> Result<Verified<'a>, Reason> {
    let (header, rest) = Header::read_from_prefix(bundle).map_err(|_| Reason::Truncated)?;
    if header.magic != MAGIC
        || header.version.get() != VERSION
        || header.header_length.get() as usize != HEADER_LENGTH
    {
        return Err(Reason::NotABundle);
    }
    if header.header_digest != header.digest() {
        return Err(Reason::HeaderDigest);
    }
    if header.reserved != [0; 88] {
        return Err(Reason::NotABundle);
    }
    check_identity(&header.identity(), &component.identity)?;
    let sequence = header.sequence.get();
    if committed.is_some_and(|committed| sequence <= committed) {
        return Err(Reason::OldSequence);
    }
    // Bytes behind the payload are allowed: a staging region's length may be rounded.
    let payload = usize::try_from(header.payload_length.get())
        .ok()
        .and_then(|length| rest.get(..length))
        .ok_or(Reason::Truncated)?;
    let mut hasher = Sha256::new();
    let mut done = 0;
    for chunk in payload.chunks(STEP) {
        hasher.update(chunk);
        done += chunk.len();
        progress(done, payload.len());
    }
    let digest: [u8; 32] = hasher.finalize().into();
    if digest != header.payload_digest {
        return Err(Reason::PayloadDigest);
    }
    if configuration(payload).is_some_and(|built_for| built_for != component.configuration) {
        return Err(Reason::WrongConfiguration);
    }
    let entry = elf::entry(payload, component.window)?;
    Ok(Verified {
        sequence,
        digest,
        payload,
        entry,
    })
}

fn check_identity(found: &Identity, wanted: &Identity) -> Result<(), Reason> {
    if found.vendor != wanted.vendor {
        return Err(Reason::WrongVendor);
    }
    if found.class != wanted.class {
        return Err(Reason::WrongClass);
    }
    if found.device != wanted.device {
        return Err(Reason::WrongDevice);
    }
    if found.abi != wanted.abi {
        return Err(Reason::WrongAbi);
    }
    if found.capsule != wanted.capsule {
        return Err(Reason::WrongSchema);
    }
    Ok(())
}
