// SPDX-License-Identifier: BSD-2-Clause
//! Lists of keys. The first byte chooses: an even one, and the rest is the body of a list that a right key has signed; an odd one,
//! and the rest is the whole list.

use ed25519_dalek::{Signer as _, SigningKey};
use molt_bundle::verify_keys;
use molt_suit::keylist::{self, KeyList, SignedList};
use molt_suit::{Algorithm, PublicKey, Roles, TrustedKey, encode};

use crate::bundle::{chosen, identity};

/// The key with this seed, all bytes of which are the same.
fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn trusted(seed: u8, roles: Roles) -> TrustedKey {
    TrustedKey {
        key: PublicKey::Ed25519(key(seed).verifying_key()),
        roles,
        revoked: false,
    }
}

/// The image: a key for drivers, one for lists.
fn image() -> [TrustedKey; 2] {
    [trusted(2, Roles::DRIVER), trusted(3, Roles::KEYS)]
}

fn in_force() -> KeyList {
    let identity = identity();
    KeyList {
        sequence: 4,
        vendor: identity.vendor,
        class: identity.class,
        keys: [trusted(7, Roles::DRIVER)].into_iter().collect(),
        frozen: false,
    }
}

pub fn run(bytes: &[u8]) {
    let (choice, bytes) = chosen(bytes);
    let list = match choice % 2 {
        0 => signed(bytes),
        _ => Some(bytes.to_vec()),
    };
    let Some(list) = list else {
        return;
    };
    let _ = SignedList::is_meant(&list);
    if let Ok(list) = verify_keys(&list, &identity(), &image(), Some(&in_force())) {
        assert!(list.sequence > 4);
        assert_eq!(
            (list.vendor, list.class),
            (identity().vendor, identity().class)
        );
        // The keys that sign lists are only ever those of the image.
        let ring = list.ring(&image());
        let lists = ring.iter().filter(|key| key.roles.contains(Roles::KEYS));
        assert!(lists.count() <= 1);
    }
}

fn signed(body: &[u8]) -> Option<Vec<u8>> {
    let message = keylist::signed(body).ok()?;
    let sign = |message: &[u8]| key(3).sign(message).to_bytes();
    let block = encode::sign1(Algorithm::Ed25519, &message, sign)?;
    keylist::list(body, &[&block]).map(|list| list.to_vec())
}

pub fn seeds() -> Vec<Vec<u8>> {
    let newer = KeyList {
        sequence: 5,
        ..in_force()
    };
    let frozen = KeyList {
        frozen: true,
        ..newer.clone()
    };
    let bodies = [newer, frozen].map(|list| list.body().expect("a list is short").to_vec());
    let mut seeds = Vec::new();
    for body in bodies {
        let list = signed(&body).expect("a list is short");
        seeds.push([&[0], body.as_slice()].concat());
        seeds.push([&[1], list.as_slice()].concat());
    }
    seeds
}
