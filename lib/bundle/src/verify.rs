// SPDX-License-Identifier: BSD-2-Clause
//! The checks, in the order of draft-ietf-suit-manifest-37 (6.1, 6.2): authenticity, sequence number, then the commands.

use heapless::Vec;
use molt_suit::{Content, Envelope, Known, Manifest, Roles, TrustedKey, process, scan, sha256};

use crate::elf::{self, Window};
use crate::identity::{DRIVER, FIRMWARE, GUEST, Identity};
use crate::note::configuration;
use crate::{Reason, Refusal};

/// Most other components of a system.
pub const MAX_OTHERS: usize = 3;
/// What a bundle may have for a component, as the first part of an identifier.
const PARTS: [&[u8]; 3] = [DRIVER, GUEST, FIRMWARE];
/// Identifiers of all components.
const KNOWN: usize = (1 + MAX_OTHERS) * PARTS.len();

/// Another component of the system, for which a bundle may have a driver too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Other<'a> {
    /// Its class: one that is the same as an earlier one's cannot be told from it.
    pub class: &'a [u8],
    /// Its vendor, class and device identifiers.
    pub identity: Identity,
}

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
    /// The other components of the system, at most [`MAX_OTHERS`].
    pub others: &'a [Other<'a>],
    /// Most bytes of firmware, which then has to be in the bundle; 0: the device runs none that comes with its driver.
    pub firmware: u64,
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
    /// SHA-256 of what the bundle brings: of the driver's ELF, or with firmware, of the digests of the driver's ELF and of the firmware.
    pub digest: [u8; 32],
    /// The driver's ELF.
    pub payload: &'a [u8],
    /// Its entry.
    pub entry: u64,
    /// The firmware for the device, and SHA-256 of it.
    pub firmware: Option<Content<'a>>,
    /// Index of the key that signed it.
    pub key: Option<usize>,
    /// Bit n: it has a driver for [`Component::others`]`[n]` too, of which nothing but its identifiers and its digest was checked.
    pub others: u8,
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
    let own = [(component.class, component.identity)];
    let others = component.others.iter().take(MAX_OTHERS);
    let all = own.into_iter().chain(others.map(|o| (o.class, o.identity)));
    let names: Vec<_, KNOWN> = all
        .clone()
        .flat_map(|(class, _)| PARTS.map(|part| [part, class]))
        .collect();
    let identities = all.flat_map(|(_, identity)| [identity; PARTS.len()]);
    let known: Vec<Known<'_>, KNOWN> = names
        .iter()
        .zip(identities)
        .map(|(identifier, identity)| Known {
            identifier,
            vendor: identity.vendor,
            class: identity.class,
            device: identity.device,
            slot: 0,
        })
        .collect();
    let processed = process(&envelope, &manifest, &known, &mut progress)?;
    let content = |part: usize| {
        let mut contents = processed.components.iter();
        let found = contents.find(|(known, _)| *known == part);
        found.map(|(_, content)| *content)
    };
    let others = (0..MAX_OTHERS).filter(|n| content((n + 1) * PARTS.len()).is_some());
    let others = others.fold(0, |set, n| set | 1 << n);
    let Some(driver) = content(0) else {
        return Err(Refusal::text(
            Reason::Incomplete,
            "there is no driver in it",
        ));
    };
    if configuration(driver.bytes).is_some_and(|built_for| built_for != component.configuration) {
        return Err(Reason::WrongConfiguration.into());
    }
    let entry = elf::entry(driver.bytes, component.window)?;
    let firmware = content(2);
    check_firmware(firmware, component.firmware)?;
    Ok(Verified {
        sequence: manifest.sequence,
        digest: firmware.map_or(driver.digest, |f| of_both(&driver.digest, &f.digest)),
        payload: driver.bytes,
        entry,
        firmware,
        key,
        others,
    })
}

/// A driver and the firmware of its device belong together, so a bundle has both, or the device runs no firmware that comes with its
/// driver.
fn check_firmware(firmware: Option<Content<'_>>, most: u64) -> Result<(), Refusal> {
    match firmware.map(|firmware| firmware.bytes.len() as u64) {
        Some(0) | None if most != 0 => Err(Refusal::text(
            Reason::WrongFirmware,
            "there is no firmware for the device in it",
        )),
        Some(_) if most == 0 => Err(Refusal::text(
            Reason::WrongFirmware,
            "the device takes no firmware",
        )),
        Some(length) if length > most => Err(Reason::TooLarge.into()),
        _ => Ok(()),
    }
}

/// SHA-256 of two digests.
fn of_both(driver: &[u8; 32], firmware: &[u8; 32]) -> [u8; 32] {
    let mut both = [0; 64];
    let (first, second) = both.split_at_mut(32);
    first.copy_from_slice(driver);
    second.copy_from_slice(firmware);
    sha256(&both)
}
