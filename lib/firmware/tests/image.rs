// SPDX-License-Identifier: BSD-2-Clause
//! Images that are right, and every kind that is not.

use molt_firmware::{Content, Header, PREFIX, PublicKey, Refusal, SIGNED, parse, prefix};
use proptest::prelude::*;

const SEED: [u8; 32] = [7; 32];

fn key(seed: [u8; 32]) -> PublicKey {
    let signing = ed25519_dalek::SigningKey::from_bytes(&seed);
    PublicKey::from_bytes(signing.verifying_key().as_bytes()).unwrap()
}

fn content(payload: &[u8]) -> Content<'_> {
    Content {
        version: 2,
        counter: 5,
        load: 0x2_0000,
        entry: 0x2_0000,
        payload,
    }
}

fn image(content: &Content<'_>) -> Vec<u8> {
    [&prefix(content, &SEED)[..], content.payload].concat()
}

fn refused(bytes: &[u8]) -> Refusal {
    let image = match parse(bytes) {
        Ok(image) => image,
        Err(refusal) => return refusal,
    };
    image.signed_by(&key(SEED)).unwrap_err()
}

#[test]
fn what_was_made_is_read() {
    let payload: Vec<u8> = (0..1000_u32).map(|n| n as u8).collect();
    let bytes = image(&content(&payload));
    let image = parse(&bytes).unwrap();
    let header = image.header();
    assert_eq!((header.version, header.counter), (2, 5));
    assert_eq!((image.payload(), image.bytes()), (&payload[..], &bytes[..]));
    assert_eq!(image.digest(), header.digest());
    image.signed_by(&key(SEED)).unwrap();
    let other = image.signed_by(&key([8; 32]));
    assert_eq!(other, Err(Refusal::Signature));
}

#[test]
fn images_of_other_versions_are_other_images() {
    let one = image(&content(&[1; 256]));
    let two = image(&Content {
        version: 3,
        ..content(&[1; 256])
    });
    assert_ne!(parse(&one).unwrap().digest(), parse(&two).unwrap().digest());
}

#[test]
fn each_fault_has_its_name() {
    let good = image(&content(&[1; 256]));
    let changed = |at: usize, to: u8| {
        let mut bytes = good.clone();
        bytes[at] = to;
        refused(&bytes)
    };
    assert_eq!(changed(0, 0), Refusal::NoImage);
    assert_eq!(changed(8, 2), Refusal::Form);
    assert_eq!(changed(20, 255), Refusal::Length);
    assert_eq!(changed(27, 255), Refusal::Address);
    assert_eq!(changed(28, 4), Refusal::Address);
    assert_eq!(changed(32, 0), Refusal::Payload);
    assert_eq!(changed(PREFIX, 0), Refusal::Payload);
    assert_eq!(changed(12, 9), Refusal::Signature);
    assert_eq!(changed(SIGNED, good[SIGNED] ^ 1), Refusal::Signature);
    assert_eq!(refused(&good[..good.len() - 1]), Refusal::Length);
    assert_eq!(refused(&[&good[..], &[0]].concat()), Refusal::Length);
    assert_eq!(refused(&good[..PREFIX - 1]), Refusal::NoImage);
    assert_eq!(refused(&[]), Refusal::NoImage);
    assert_eq!(refused(&image(&content(&[]))), Refusal::Length);
}

#[test]
fn a_refusals_number_is_its_own() {
    for refusal in Refusal::ALL {
        assert_eq!(Refusal::from_code(refusal.code()), Some(refusal));
    }
    assert_eq!(Refusal::from_code(0), None);
    assert_eq!(Refusal::from_code(Refusal::ALL.len() as u8 + 1), None);
}

proptest! {
    #[test]
    fn no_bytes_are_accepted_but_those_that_were_signed(at in 0..512_usize, flip in 1..=255_u8) {
        let mut bytes = image(&content(&[3; 384]));
        bytes[at] ^= flip;
        let accepted = parse(&bytes).is_ok_and(|image| image.signed_by(&key(SEED)).is_ok());
        prop_assert!(!accepted);
    }

    #[test]
    fn foreign_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(parse(&bytes).is_err());
    }

    #[test]
    fn a_header_is_read_as_it_was_written(bytes in any::<[u8; SIGNED]>()) {
        let mut bytes = bytes;
        bytes[..8].copy_from_slice(&molt_firmware::header::MAGIC);
        bytes[8..12].copy_from_slice(&1_u32.to_le_bytes());
        if let Ok(header) = Header::parse(&bytes) {
            prop_assert_eq!(header.encode(), bytes);
        }
    }
}
