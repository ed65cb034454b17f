// SPDX-License-Identifier: BSD-2-Clause
//! Who signed it: right and wrong signatures, in the manner of the Wycheproof vectors, and damage on the way.

mod common;

use common::*;
use molt_bundle::{DRIVER_PAYLOAD, Reason};
use molt_suit::{Algorithm, PublicKey};
use p256::elliptic_curve::PrimeField;

fn elf_and_manifest() -> (Vec<u8>, Vec<u8>) {
    let elf = good_elf();
    let manifest = manifest(&component().identity, 5, &elf);
    (elf, manifest)
}

/// The outcome of a bundle with this one block.
fn with(algorithm: Algorithm, sign: impl FnOnce(&[u8]) -> [u8; 64]) -> Option<Reason> {
    let (elf, manifest) = elf_and_manifest();
    let block = sign1(&manifest, algorithm, sign);
    refusal(&envelope(&manifest, &[block], &[(DRIVER_PAYLOAD, &elf)]))
}

#[test]
fn four_algorithms_are_accepted_with_the_keys_of_their_curve() {
    assert_eq!(with(Algorithm::Es256, by_p256(1)), None);
    assert_eq!(with(Algorithm::Esp256, by_p256(1)), None);
    assert_eq!(with(Algorithm::EdDsa, by_ed25519(2)), None);
    assert_eq!(with(Algorithm::Ed25519, by_ed25519(2)), None);
    // A signature of the other curve has 64 bytes, too.
    assert_eq!(
        with(Algorithm::Ed25519, by_p256(1)),
        Some(Reason::BadSignature)
    );
    assert_eq!(
        with(Algorithm::Esp256, by_ed25519(2)),
        Some(Reason::BadSignature)
    );
}

#[test]
fn a_key_that_may_not_sign_is_named_as_such() {
    assert_eq!(
        with(Algorithm::Ed25519, by_ed25519(9)),
        Some(Reason::BadSignature),
        "unknown"
    );
    assert_eq!(
        with(Algorithm::Ed25519, by_ed25519(3)),
        Some(Reason::WrongRole)
    );
    assert_eq!(
        with(Algorithm::Ed25519, by_ed25519(4)),
        Some(Reason::RevokedKey)
    );
}

#[test]
fn one_of_several_signatures_is_enough() {
    let (elf, manifest) = elf_and_manifest();
    let block = |seed| sign1(&manifest, Algorithm::Ed25519, by_ed25519(seed));
    let of = |blocks: &[Vec<u8>]| refusal(&envelope(&manifest, blocks, &[(DRIVER_PAYLOAD, &elf)]));
    assert_eq!(of(&[block(9), block(2)]), None);
    assert_eq!(of(&[block(3), block(2)]), None);
    assert_eq!(
        of(&[block(9), block(4), block(9)]),
        Some(Reason::RevokedKey)
    );
    assert_eq!(of(&[block(4), block(9)]), Some(Reason::RevokedKey));
    let many: Vec<_> = (0..5).map(|_| block(2)).collect();
    let (digest, blocks): (_, Vec<&[u8]>) = (
        molt_suit::encode::digest(&manifest).expect("a digest"),
        many.iter().map(Vec::as_slice).collect(),
    );
    let begin = molt_suit::encode::begin(2, &digest, &blocks, true).expect("short");
    assert_eq!(
        refusal(&begin),
        Some(Reason::NotABundle),
        "more than are looked at"
    );
}

/// ECDSA: s and n - s are both right (RFC 9053 asks for neither half), numbers outside of 1..n are wrong.
#[test]
fn ecdsa_numbers() {
    let scalar = |bytes: &[u8]| {
        let bytes: [u8; 32] = bytes.try_into().expect("32 bytes");
        Option::<p256::Scalar>::from(p256::Scalar::from_repr(bytes.into())).expect("below n")
    };
    let other_half = |message: &[u8]| {
        let mut signature = by_p256(1)(message);
        let s = -scalar(&signature[32..]);
        signature[32..].copy_from_slice(&s.to_repr());
        signature
    };
    assert_eq!(with(Algorithm::Esp256, other_half), None);
    // The order of P-256 (SP 800-186, 3.2.1.3).
    const N: [u8; 32] = *b"\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\
        \xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2\xfc\x63\x25\x51";
    let wrong = |half: std::ops::Range<usize>, bytes: [u8; 32]| {
        with(Algorithm::Esp256, |message| {
            let mut signature = by_p256(1)(message);
            signature[half].copy_from_slice(&bytes);
            signature
        })
    };
    for half in [0..32, 32..64] {
        for bytes in [[0; 32], N, [0xff; 32]] {
            assert_eq!(wrong(half.clone(), bytes), Some(Reason::BadSignature));
        }
    }
    assert_eq!(
        with(Algorithm::Esp256, |_| [0; 64]),
        Some(Reason::BadSignature)
    );
}

/// Ed25519: s must be below the group's order (RFC 8032, 5.1.7), points of small order sign nothing.
#[test]
fn ed25519_numbers() {
    // The group's order, little endian.
    const L: [u8; 32] = *b"\xed\xd3\xf5\x5c\x1a\x63\x12\x58\xd6\x9c\xf7\xa2\xde\xf9\xde\x14\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x10";
    let malleable = |message: &[u8]| {
        let mut signature = by_ed25519(2)(message);
        let mut carry = 0;
        for (byte, add) in signature[32..].iter_mut().zip(L) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = sum as u8;
            carry = sum >> 8;
        }
        signature
    };
    assert_eq!(
        with(Algorithm::Ed25519, malleable),
        Some(Reason::BadSignature)
    );
    // The neutral element as R, and s = 0: right for any message under a key of small order.
    let neutral = |_: &[u8]| {
        let mut signature = [0; 64];
        signature[0] = 1;
        signature
    };
    assert_eq!(
        with(Algorithm::Ed25519, neutral),
        Some(Reason::BadSignature)
    );
    // Points whose order divides 8 (the table in "Taming the many EdDSAs", 2020).
    let mut small = vec![[0; 32], [0; 32], [0xff; 32]];
    small[0][0] = 1;
    small[2][0] = 0xec;
    small[2][31] = 0x7f;
    small.push(
        *b"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\
        \x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
    );
    small.push(
        *b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\
        \xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
    );
    for point in small {
        assert_eq!(PublicKey::ed25519(&point), None, "{point:02x?}");
    }
    // A point that is on no curve.
    assert_eq!(PublicKey::p256(&[1; 32], &[1; 32]), None);
    assert_eq!(PublicKey::p256(&[0; 32], &[0; 32]), None);
}

#[test]
fn no_flipped_bit_is_accepted() {
    let good = bundle(&component().identity, 5, &good_elf());
    assert_eq!(refusal(&good), None);
    for bit in 0..good.len() * 8 {
        let mut flipped = good.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(refusal(&flipped), None, "bit {bit}");
    }
}

#[test]
fn every_truncation_and_every_addition_has_a_reason() {
    let good = bundle(&component().identity, 5, &good_elf());
    for length in 0..good.len() {
        assert_ne!(refusal(&good[..length]), None, "{length} bytes");
    }
    let longer = [good.as_slice(), &[0]].concat();
    assert_eq!(refusal(&longer), Some(Reason::NotABundle));
}

/// The digest is signed with the head of its byte string; it must have the length of its algorithm.
#[test]
fn digests_of_another_length_or_algorithm() {
    let (elf, manifest) = elf_and_manifest();
    let of = |digest: &[u8]| {
        let block = molt_suit::encode::sign1(Algorithm::Ed25519, digest, by_ed25519(2));
        let block = block.expect("short");
        let begin = molt_suit::encode::begin(3, digest, &[&block], true).expect("short");
        let member = molt_suit::encode::member(3, manifest.len()).expect("short");
        let payload = molt_suit::encode::payload(DRIVER_PAYLOAD, elf.len()).expect("short");
        refusal(&[&begin[..], &member, &manifest, &payload, &elf].concat())
    };
    let digest = molt_suit::encode::digest(&manifest).expect("a digest");
    assert_eq!(of(&digest), None);
    // [-16, 31 bytes] and [-16, no bytes]
    let bytes = &digest[4..];
    assert_eq!(
        of(&[&[0x82, 0x2f, 0x58, 31], &bytes[..31]].concat()),
        Some(Reason::NotABundle)
    );
    assert_eq!(of(&[0x82, 0x2f, 0x40]), Some(Reason::NotABundle));
    // [-44, 32 bytes]: SHA-512
    let other = [&[0x82, 0x38, 43, 0x58, 32], bytes].concat();
    assert_eq!(of(&other), Some(Reason::UnsupportedAlgorithm));
    // One more element.
    let more = [&[0x83, 0x2f, 0x58, 32], bytes, &[0]].concat();
    assert_eq!(of(&more), Some(Reason::NotABundle));
}

/// Parts of two bundles that were both signed do not make a third.
#[test]
fn mix_and_match() {
    let (elf, manifest_5) = elf_and_manifest();
    let mut other = good_elf();
    other.push(0);
    let manifest_6 = manifest(&component().identity, 6, &other);
    let block_5 = sign1(&manifest_5, Algorithm::Ed25519, by_ed25519(2));
    let block_6 = sign1(&manifest_6, Algorithm::Ed25519, by_ed25519(2));
    let of = |manifest: &[u8], block: &Vec<u8>, elf: &[u8]| {
        refusal(&envelope(
            manifest,
            std::slice::from_ref(block),
            &[(DRIVER_PAYLOAD, elf)],
        ))
    };
    assert_eq!(of(&manifest_6, &block_6, &other), None);
    assert_eq!(of(&manifest_6, &block_6, &elf), Some(Reason::PayloadDigest));
    assert_eq!(
        of(&manifest_6, &block_5, &other),
        Some(Reason::BadSignature)
    );
    assert_eq!(
        of(&manifest_5, &block_5, &other),
        Some(Reason::PayloadDigest)
    );
}
