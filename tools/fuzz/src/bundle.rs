// SPDX-License-Identifier: BSD-2-Clause
//! Bundles: the envelope, and what is behind a signature that is right.

use ed25519_dalek::{Signer as _, SigningKey};
use molt_bundle::{
    Component, DRIVER, DRIVER_PAYLOAD, GUEST_PAYLOAD, Identity, Machine, Trust, Window, entry,
    segments, verify,
};
use molt_suit::encode::{self, Part};
use molt_suit::{Algorithm, PublicKey, Roles, TrustedKey, claimed_digest, sha256};

use crate::input::Input;

const WINDOW: Window = Window {
    machine: Machine::Aarch64,
    start: 0x20_0000,
    end: 0x100_0000,
    memory: 0x10_0000,
};
/// The seed of the key that is trusted for drivers.
const KEY: [u8; 32] = [2; 32];

fn key() -> SigningKey {
    SigningKey::from_bytes(&KEY)
}

pub fn identity() -> Identity {
    Identity::new("molt", "block", "virtio,mmio", 1, 0)
}

fn component() -> Component<'static> {
    Component {
        class: b"block",
        identity: identity(),
        window: WINDOW,
        configuration: [7; 32],
        others: &[],
        firmware: 0,
    }
}

/// As `stage` reads an offer: the bytes are a guest's.
pub fn envelope(bytes: &[u8]) {
    let ring = [TrustedKey {
        key: PublicKey::Ed25519(key().verifying_key()),
        roles: Roles::DRIVER,
        revoked: false,
    }];
    let _ = claimed_digest(bytes);
    check(bytes, Trust::Keys(&ring));
}

/// The bytes are the manifest of an envelope with one good driver and one part for the guest.
pub fn manifest(bytes: &[u8]) {
    check(&whole(bytes, &[]), Trust::Image);
}

/// What is accepted is what its digest says.
fn check(bundle: &[u8], trust: Trust<'_>) {
    if let Ok(verified) = verify(bundle, &component(), trust, Some(4)) {
        assert!(verified.sequence > 4);
        assert_eq!(verified.digest, sha256(verified.payload));
        assert_eq!(verified.firmware, None);
    }
}

/// The bytes are a driver's ELF.
pub fn elf(bytes: &[u8]) {
    let _ = entry(bytes, WINDOW);
    let Ok(segments) = segments(bytes, WINDOW) else {
        return;
    };
    for segment in segments.map_while(Result::ok) {
        assert!(segment.vaddr >= WINDOW.start && segment.size >= segment.data.len() as u64);
        let end = segment.vaddr.checked_add(segment.size);
        assert!(end.is_some_and(|end| end <= WINDOW.end));
    }
}

/// An envelope of one good driver and one part for the guest.
fn whole(manifest: &[u8], blocks: &[&[u8]]) -> Vec<u8> {
    let payloads: [(&str, &[u8]); 2] = [(DRIVER_PAYLOAD, &good_elf()), (GUEST_PAYLOAD, b"part")];
    wrap(manifest, blocks, &payloads)
}

/// An envelope of this manifest, with the blocks of its signatures and these payloads by their keys.
pub fn wrap(manifest: &[u8], blocks: &[&[u8]], payloads: &[(&str, &[u8])]) -> Vec<u8> {
    let digest = encode::digest(manifest).expect("a digest is short");
    let members = 2 + payloads.len() as u64;
    let begun = encode::begin(members, &digest, blocks, true).expect("few blocks");
    let mut out = begun.to_vec();
    out.extend(encode::member(3, manifest.len()).expect("a member's head is short"));
    out.extend(manifest);
    for (key, payload) in payloads {
        out.extend(encode::payload(key, payload.len()).expect("the key is short"));
        out.extend(*payload);
    }
    out
}

pub fn envelopes() -> Vec<Vec<u8>> {
    let manifests = manifests();
    let signed = manifests.iter().map(|manifest| {
        let digest = encode::digest(manifest).expect("a digest is short");
        let sign = |message: &[u8]| key().sign(message).to_bytes();
        let block = encode::sign1(Algorithm::Ed25519, &digest, sign).expect("a block is short");
        whole(manifest, &[&block])
    });
    signed.collect()
}

pub fn manifests() -> Vec<Vec<u8>> {
    let (elf, identity) = (good_elf(), identity());
    let part = |kind: &'static [u8], uri, payload: &[u8]| Part {
        identifier: if kind == DRIVER {
            &[DRIVER, b"block"]
        } else {
            &[b"guest", b"block"]
        },
        vendor: identity.vendor,
        class: identity.class,
        device: identity.device,
        uri,
        digest: sha256(payload),
        size: payload.len() as u64,
    };
    let driver = part(DRIVER, DRIVER_PAYLOAD, &elf);
    let guest = part(b"guest", GUEST_PAYLOAD, b"part");
    let manifests = [
        encode::manifest(5, &[driver], None),
        encode::manifest(6, &[driver, guest], None),
        encode::manifest(7, &[driver], Some([1; 32])),
    ];
    manifests
        .into_iter()
        .flatten()
        .map(|m| m.to_vec())
        .collect()
}

pub fn elves() -> Vec<Vec<u8>> {
    vec![good_elf()]
}

/// An ELF with a segment of code and one of data.
fn good_elf() -> Vec<u8> {
    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(16, 0);
    elf.extend(2u16.to_le_bytes());
    elf.extend(183u16.to_le_bytes());
    elf.extend(1u32.to_le_bytes());
    for word in [0x20_0100u64, 64, 0] {
        elf.extend(word.to_le_bytes());
    }
    elf.extend(0u32.to_le_bytes());
    for half in [64u16, 56, 2, 64, 0, 0] {
        elf.extend(half.to_le_bytes());
    }
    for (flags, vaddr, file, memory) in [(5, 0x20_0000, 0x200, 0x200), (6, 0x20_1000, 0x10, 0x3000)]
    {
        elf.extend(1u32.to_le_bytes());
        elf.extend(u32::to_le_bytes(flags));
        for word in [0, vaddr, vaddr, file, memory, 0x1000] {
            elf.extend(u64::to_le_bytes(word));
        }
    }
    elf.resize(0x200, 0);
    elf
}

/// Takes apart what several targets have in common: a byte that chooses, and the rest.
pub fn chosen(bytes: &[u8]) -> (u8, &[u8]) {
    let mut input = Input::new(bytes);
    (input.u8(), input.bytes(usize::MAX))
}
