// SPDX-License-Identifier: BSD-2-Clause
//! Lists of keys: who may sign one, what replaces what, damage on the way.
#![allow(missing_docs)]

mod common;

use common::*;
use molt_bundle::{DRIVER_PAYLOAD, Identity, Keys, Reason, Trust, verify, verify_keys};
use molt_suit::keylist::{self, KeyList, SignedList};
use molt_suit::{Algorithm, PublicKey, Roles, TrustedKey, encode};

fn key(seed: u8, roles: Roles, revoked: bool) -> TrustedKey {
    TrustedKey {
        key: PublicKey::Ed25519(ed25519(seed).verifying_key()),
        roles,
        revoked,
    }
}

/// The image: a key for drivers, two for lists.
fn image() -> Vec<TrustedKey> {
    vec![
        key(2, Roles::DRIVER, false),
        key(3, Roles::KEYS, false),
        key(5, Roles::KEYS, false),
    ]
}

fn content(sequence: u64, keys: &[TrustedKey]) -> KeyList {
    let Identity { vendor, class, .. } = component().identity;
    KeyList {
        sequence,
        vendor,
        class,
        keys: keys.iter().cloned().collect(),
        frozen: false,
    }
}

fn signed(list: &KeyList, seed: u8) -> Vec<u8> {
    let body = list.body().expect("short");
    let message = keylist::signed(&body).expect("short");
    let block = encode::sign1(Algorithm::Ed25519, &message, by_ed25519(seed)).expect("short");
    keylist::list(&body, &[&block]).expect("short").to_vec()
}

fn check(bytes: &[u8], in_force: Option<&KeyList>) -> Result<KeyList, Reason> {
    verify_keys(bytes, &component().identity, &image(), in_force).map_err(|r| r.reason)
}

#[test]
fn a_list_replaces_the_keys_for_drivers() {
    let list = content(1, &[key(7, Roles::DRIVER, false)]);
    let bytes = signed(&list, 3);
    assert!(SignedList::is_meant(&bytes));
    assert_eq!(check(&bytes, None), Ok(list.clone()));
    let ring = list.ring(&image());
    let elf = good_elf();
    let manifest = manifest(&component().identity, 5, &elf);
    let outcome = |seed| {
        let block = sign1(&manifest, Algorithm::Ed25519, by_ed25519(seed));
        let bundle = envelope(&manifest, &[block], &[(DRIVER_PAYLOAD, &elf)]);
        let end = verify(&bundle, &component(), Trust::Keys(&ring), Some(4));
        end.err().map(|refusal| refusal.reason)
    };
    assert_eq!(outcome(7), None);
    assert_eq!(
        outcome(2),
        Some(Reason::BadSignature),
        "not listed any more"
    );
    assert_eq!(outcome(3), Some(Reason::WrongRole));
}

#[test]
fn what_a_revoked_key_signs_is_refused_as_such() {
    let list = content(
        1,
        &[key(2, Roles::DRIVER, true), key(7, Roles::DRIVER, false)],
    );
    let elf = good_elf();
    let manifest = manifest(&component().identity, 5, &elf);
    let block = sign1(&manifest, Algorithm::Ed25519, by_ed25519(2));
    let bundle = envelope(&manifest, &[block], &[(DRIVER_PAYLOAD, &elf)]);
    let ring = list.ring(&image());
    let end = verify(&bundle, &component(), Trust::Keys(&ring), Some(4));
    assert_eq!(end.err().map(|r| r.reason), Some(Reason::RevokedKey));
}

#[test]
fn only_the_images_keys_for_lists_sign_lists() {
    let list = content(1, &[key(7, Roles::DRIVER.with(Roles::KEYS), false)]);
    assert_eq!(check(&signed(&list, 2), None), Err(Reason::WrongRole));
    assert_eq!(check(&signed(&list, 9), None), Err(Reason::BadSignature));
    let next = content(2, &[]);
    assert_eq!(
        check(&signed(&next, 7), Some(&list)),
        Err(Reason::WrongRole),
        "a list gives nobody the right to sign lists"
    );
}

#[test]
fn a_key_for_lists_can_be_revoked_by_another_one() {
    let list = content(1, &[key(3, Roles::KEYS, true)]);
    assert_eq!(check(&signed(&list, 5), None), Ok(list.clone()));
    let next = content(2, &[]);
    let by_revoked = check(&signed(&next, 3), Some(&list));
    assert_eq!(by_revoked, Err(Reason::RevokedKey));
    assert!(check(&signed(&next, 5), Some(&list)).is_ok());
}

#[test]
fn an_old_list_and_the_same_one_again_are_refused() {
    let list = content(7, &[]);
    for (sequence, expected) in [
        (6, Err(Reason::OldKeys)),
        (7, Err(Reason::OldKeys)),
        (8, Ok(())),
    ] {
        let next = signed(&content(sequence, &[]), 3);
        assert_eq!(check(&next, Some(&list)).map(drop), expected, "{sequence}");
    }
    assert_eq!(
        check(&signed(&content(0, &[]), 3), None),
        Err(Reason::OldKeys)
    );
}

#[test]
fn a_list_for_another_component_is_refused() {
    let list = KeyList {
        class: [9; 16],
        ..content(1, &[])
    };
    assert_eq!(check(&signed(&list, 3), None), Err(Reason::WrongClass));
    let list = KeyList {
        vendor: [9; 16],
        ..content(1, &[])
    };
    assert_eq!(check(&signed(&list, 3), None), Err(Reason::WrongVendor));
}

#[test]
fn no_flipped_bit_and_no_truncation_is_accepted() {
    let bytes = signed(&content(1, &[key(7, Roles::DRIVER, false)]), 3);
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(check(&flipped, None).is_err(), "bit {bit}");
    }
    for length in 0..bytes.len() {
        assert!(check(&bytes[..length], None).is_err(), "{length} bytes");
    }
}

#[test]
fn a_signature_over_a_manifest_is_none_over_a_list() {
    let list = content(1, &[]);
    let body = list.body().expect("short");
    let digest = encode::digest(&body).expect("short");
    let block = encode::sign1(Algorithm::Ed25519, &digest, by_ed25519(3)).expect("short");
    let bytes = keylist::list(&body, &[&block]).expect("short");
    assert_eq!(check(&bytes, None), Err(Reason::BadSignature));
}

#[test]
fn the_largest_list_has_room() {
    let keys: Vec<TrustedKey> = (10..18).map(|n| key(n, Roles::DRIVER, false)).collect();
    let list = content(u64::MAX, &keys);
    assert_eq!(check(&signed(&list, 3), None), Ok(list.clone()));
    assert_eq!(list.ring(&image()).len(), 10);
}

fn keys() -> Keys {
    Keys::new(image().into_iter().collect())
}

/// Offers a list in place of list `in_force`.
fn offer(keys: &mut Keys, list: &KeyList, in_force: u64) -> Result<u64, Reason> {
    let identity = component().identity;
    let verified = keys.verify(&signed(list, 3), &identity, in_force);
    verified.map_err(|refusal| refusal.reason)
}

/// Whether a bundle that this key signed is accepted with list `in_force`.
fn accepted(keys: &mut Keys, seed: u8, in_force: u64) -> Result<(), Reason> {
    let ring = keys.ring(in_force, true)?;
    let elf = good_elf();
    let manifest = manifest(&component().identity, 5, &elf);
    let block = sign1(&manifest, Algorithm::Ed25519, by_ed25519(seed));
    let bundle = envelope(&manifest, &[block], &[(DRIVER_PAYLOAD, &elf)]);
    let end = verify(&bundle, &component(), Trust::Keys(&ring), Some(4));
    end.map(drop).map_err(|refusal| refusal.reason)
}

/// A list in which key 7 takes the place of key 2.
fn rotation(sequence: u64) -> KeyList {
    let old = key(2, Roles(0), true);
    content(sequence, &[key(7, Roles::DRIVER, false), old])
}

#[test]
fn a_list_is_in_force_from_when_it_is_named_and_not_from_when_it_is_verified() {
    let mut keys = keys();
    assert_eq!(offer(&mut keys, &rotation(1), 0), Ok(1));
    assert_eq!(accepted(&mut keys, 2, 0), Ok(()), "it was not kept yet");
    assert_eq!(accepted(&mut keys, 7, 0), Err(Reason::BadSignature));
    assert_eq!(accepted(&mut keys, 2, 1), Err(Reason::RevokedKey));
    assert_eq!(accepted(&mut keys, 7, 1), Ok(()));
}

#[test]
fn a_list_that_was_not_kept_can_be_offered_again() {
    let mut keys = keys();
    assert_eq!(offer(&mut keys, &rotation(1), 0), Ok(1));
    assert_eq!(offer(&mut keys, &rotation(1), 0), Ok(1));
    assert_eq!(offer(&mut keys, &rotation(1), 1), Err(Reason::OldKeys));
}

#[test]
fn a_revoked_key_signs_no_list_once_the_list_that_revokes_it_is_in_force() {
    let mut keys = keys();
    let list = content(1, &[key(3, Roles::KEYS, true)]);
    assert_eq!(offer(&mut keys, &list, 0), Ok(1));
    assert_eq!(
        offer(&mut keys, &content(2, &[]), 1),
        Err(Reason::RevokedKey)
    );
}

#[test]
fn a_list_that_freezes_refuses_every_offer_until_the_next_one() {
    let mut keys = keys();
    let frozen = KeyList {
        frozen: true,
        ..rotation(1)
    };
    assert_eq!(offer(&mut keys, &frozen, 0), Ok(1));
    assert_eq!(accepted(&mut keys, 7, 1), Err(Reason::Frozen));
    // What was committed before the start is not an offer.
    assert!(keys.ring(1, false).is_ok());
    assert_eq!(offer(&mut keys, &rotation(2), 1), Ok(2));
    assert_eq!(accepted(&mut keys, 7, 2), Ok(()));
}

#[test]
fn if_the_list_in_force_is_lost_nothing_is_accepted_but_a_newer_list() {
    let mut keys = keys();
    for offered in [true, false] {
        assert_eq!(keys.ring(5, offered).err(), Some(Reason::Frozen));
    }
    assert_eq!(offer(&mut keys, &rotation(4), 5), Err(Reason::OldKeys));
    assert_eq!(offer(&mut keys, &rotation(5), 5), Err(Reason::OldKeys));
    assert_eq!(keys.ring(5, true).err(), Some(Reason::Frozen));
    assert_eq!(offer(&mut keys, &rotation(6), 5), Ok(6));
    assert_eq!(accepted(&mut keys, 7, 6), Ok(()));
    // The number of another list than the one that is there.
    assert_eq!(keys.ring(7, true).err(), Some(Reason::Frozen));
}
