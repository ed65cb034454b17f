// SPDX-License-Identifier: BSD-2-Clause
//! The checks, in the order of draft-ietf-suit-manifest-37 (6.1, 6.2): authenticity, sequence number, then the commands.

use molt_suit::{Envelope, Known, Manifest, Roles, TrustedKey, process, scan};

use crate::elf::{self, Window};
use crate::identity::{DRIVER, GUEST, Identity};
use crate::note::configuration;
use crate::{Reason, Refusal};

/// The component that a bundle must be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Component<'a> {
    /// The device's class: second part of the component identifier.
    pub class: &'a [u8],
    /// Vendor, class and device identifiers.
    pub identity: Identity,
    /// Where the image may lie.
    pub window: Window,
    /// The configuration of the kernel that it will run on. An image without a note is accepted.
    pub configuration: molt_note::Digest,
}

/// Why a bundle is trusted.
#[derive(Clone, Copy, Debug)]
pub enum Trust<'a> {
    /// Because of a signature by one of these keys.
    Keys(&'a [TrustedKey]),
    /// Because it is the factory bundle: like the keys, it is a part of the system's image. Its digest has to be right.
    Image,
}

/// A bundle that may be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified<'a> {
    /// Its sequence number, above the committed one.
    pub sequence: u64,
    /// SHA-256 of the driver's ELF.
    pub digest: [u8; 32],
    /// The driver's ELF.
    pub payload: &'a [u8],
    /// Its entry.
    pub entry: u64,
    /// Index of the key that signed it.
    pub key: Option<usize>,
}

/// Checks a bundle for `component`. Its sequence number must be above `committed`; with `None` (for the factory image)
/// any number is accepted.
///
/// # Errors
/// The reason for which it is refused.
pub fn verify<'a>(
    bundle: &'a [u8],
    component: &Component<'_>,
    trust: Trust<'_>,
    committed: Option<u64>,
) -> Result<Verified<'a>, Refusal> {
    verify_with_progress(bundle, component, trust, committed, |_, _| ())
}

/// [`verify`], calling `progress(bytes done, bytes in all)` now and then.
///
/// # Errors
/// As [`verify`].
pub fn verify_with_progress<'a>(
    bundle: &'a [u8],
    component: &Component<'_>,
    trust: Trust<'_>,
    committed: Option<u64>,
    mut progress: impl FnMut(usize, usize),
) -> Result<Verified<'a>, Refusal> {
    let envelope = Envelope::parse(bundle)?;
    let key = match trust {
        Trust::Keys(keys) => Some(envelope.authenticate(keys, Roles::DRIVER)?),
        Trust::Image => {
            envelope.check_digest()?;
            None
        }
    };
    let manifest = Manifest::parse(&envelope)?;
    scan(&envelope, &manifest)?;
    // The draft refuses a lower number. An equal one is refused too: the same bundle again changes nothing, and two
    // bundles with one number have no order (docs/bundles.md).
    if committed.is_some_and(|committed| manifest.sequence <= committed) {
        return Err(Reason::OldSequence.into());
    }
    let known = [DRIVER, GUEST].map(|part| [part, component.class]);
    let identity = &component.identity;
    let known = known.each_ref().map(|identifier| Known {
        identifier,
        vendor: identity.vendor,
        class: identity.class,
        device: identity.device,
        slot: 0,
    });
    let processed = process(&envelope, &manifest, &known, &mut progress)?;
    let mut contents = processed.components.iter();
    let Some((_, driver)) = contents.find(|(known, _)| *known == 0) else {
        return Err(Refusal::text(
            Reason::Incomplete,
            "there is no driver in it",
        ));
    };
    if configuration(driver.bytes).is_some_and(|built_for| built_for != component.configuration) {
        return Err(Reason::WrongConfiguration.into());
    }
    let entry = elf::entry(driver.bytes, component.window)?;
    Ok(Verified {
        sequence: manifest.sequence,
        digest: driver.digest,
        payload: driver.bytes,
        entry,
        key,
    })
}
