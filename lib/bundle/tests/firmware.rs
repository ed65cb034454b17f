// SPDX-License-Identifier: BSD-2-Clause
//! Bundles with firmware: a driver and the firmware of its device come together or not at all.

mod common;

use common::*;
use molt_bundle::{
    Component, DRIVER, DRIVER_PAYLOAD, FIRMWARE, FIRMWARE_PAYLOAD, Reason, Trust, verify,
};
use molt_suit::{Algorithm, encode, encode::Part};
use sha2::{Digest, Sha256};

const MOST: u64 = 0x4000;

/// A signed bundle of a driver and this firmware.
fn with_firmware(firmware: &[u8]) -> Vec<u8> {
    let elf = good_elf();
    let identity = component().identity;
    let part = |identifier, uri, payload: &[u8]| Part {
        identifier,
        vendor: identity.vendor,
        class: identity.class,
        device: identity.device,
        uri,
        digest: Sha256::digest(payload).into(),
        size: payload.len() as u64,
    };
    let parts = [
        part(&[DRIVER, b"block"], DRIVER_PAYLOAD, &elf),
        part(&[FIRMWARE, b"block"], FIRMWARE_PAYLOAD, firmware),
    ];
    let manifest = encode::manifest(5, &parts, None).expect("a manifest");
    let block = sign1(&manifest, Algorithm::Ed25519, by_ed25519(2));
    let payloads = [(DRIVER_PAYLOAD, &elf[..]), (FIRMWARE_PAYLOAD, firmware)];
    envelope(&manifest, &[block], &payloads)
}

/// What becomes of a bundle for a device that takes so many bytes of firmware.
fn end(bundle: &[u8], firmware: u64) -> Result<([u8; 32], Option<usize>), Reason> {
    let component = Component {
        firmware,
        ..component()
    };
    let verified = verify(bundle, &component, Trust::Keys(&ring()), Some(4));
    verified
        .map(|v| (v.digest, v.firmware.map(|f| f.bytes.len())))
        .map_err(|refusal| refusal.reason)
}

#[test]
fn both_come_together_or_not_at_all() {
    let without = bundle(&component().identity, 5, &good_elf());
    assert_eq!(end(&without, MOST), Err(Reason::WrongFirmware));
    assert_eq!(end(&with_firmware(b"of it"), 0), Err(Reason::WrongFirmware));
    assert_eq!(end(&with_firmware(b""), MOST), Err(Reason::WrongFirmware));
    let length = |bytes: usize| end(&with_firmware(&vec![7; bytes]), MOST).map(|end| end.1);
    assert_eq!(length(MOST as usize), Ok(Some(MOST as usize)));
    assert_eq!(length(MOST as usize + 1), Err(Reason::TooLarge));
}

#[test]
fn the_same_driver_with_another_firmware_is_another_image() {
    let digest = |firmware| end(&with_firmware(firmware), MOST).map(|end| end.0);
    assert_ne!(digest(b"one"), digest(b"two"));
    assert_eq!(digest(b"one"), digest(b"one"));
}

#[test]
fn a_bit_of_the_firmware_that_was_flipped_is_noticed() {
    let mut bundle = with_firmware(b"of it");
    *bundle.last_mut().expect("bytes") ^= 1;
    assert_eq!(end(&bundle, MOST), Err(Reason::PayloadDigest));
}
