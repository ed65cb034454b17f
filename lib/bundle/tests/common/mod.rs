// SPDX-License-Identifier: BSD-2-Clause
//! Bundles for tests: ELFs by hand, envelopes by `molt-suit`, signed with keys that are no secret.
#![allow(dead_code, reason = "each test file uses a part of it")]

use ed25519_dalek::Signer as _;
use molt_bundle::{
    Component, DRIVER, DRIVER_PAYLOAD, Identity, Machine, Reason, Trust, Window, verify,
};
use molt_suit::encode::{self, Part};
use molt_suit::{Algorithm, PublicKey, Roles, TrustedKey};
use sha2::{Digest, Sha256};

pub const WINDOW: Window = Window {
    machine: Machine::Aarch64,
    start: 0x20_0000,
    end: 0x100_0000,
    memory: 0x10_0000,
};

pub const CONFIGURATION: [u8; 32] = [7; 32];

pub fn component() -> Component<'static> {
    Component {
        class: b"block",
        identity: identity("virtio,mmio"),
        window: WINDOW,
        configuration: CONFIGURATION,
        others: &[],
        firmware: 0,
    }
}

pub fn identity(device: &str) -> Identity {
    Identity::new("molt", "block", device, 1, 0)
}

pub struct Load {
    pub flags: u32,
    pub vaddr: u64,
    pub file: u64,
    pub size: u64,
}

/// An ELF with these loads, all of whose bytes lie at the file's offset 0.
pub fn elf_of(machine: u16, kind: u16, loads: &[Load]) -> Vec<u8> {
    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(16, 0);
    elf.extend(kind.to_le_bytes());
    elf.extend(machine.to_le_bytes());
    elf.extend(1u32.to_le_bytes());
    elf.extend(0x20_0100u64.to_le_bytes());
    elf.extend(64u64.to_le_bytes());
    elf.extend(0u64.to_le_bytes());
    elf.extend(0u32.to_le_bytes());
    for half in [64u16, 56, loads.len() as u16, 64, 0, 0] {
        elf.extend(half.to_le_bytes());
    }
    for load in loads {
        elf.extend(1u32.to_le_bytes());
        elf.extend(load.flags.to_le_bytes());
        for word in [0, load.vaddr, load.vaddr, load.file, load.size, 0x1000] {
            elf.extend(word.to_le_bytes());
        }
    }
    elf.resize(0x400, 0);
    elf
}

pub const TEXT: Load = Load {
    flags: 5,
    vaddr: 0x20_0000,
    file: 0x400,
    size: 0x400,
};

pub fn good_elf() -> Vec<u8> {
    elf_of(
        183,
        2,
        &[
            TEXT,
            Load {
                flags: 6,
                vaddr: 0x20_1000,
                file: 0x10,
                size: 0x3000,
            },
        ],
    )
}

/// The key of P-256 with this scalar.
pub fn p256(scalar: u8) -> p256::ecdsa::SigningKey {
    p256::ecdsa::SigningKey::from_slice(&[scalar; 32]).expect("a scalar below the order")
}

/// The Ed25519 key of this seed.
pub fn ed25519(seed: u8) -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[seed; 32])
}

/// The ring: a key of each kind for drivers, one for lists of keys only, one that was revoked.
pub fn ring() -> Vec<TrustedKey> {
    let trusted = |key, roles, revoked| TrustedKey {
        key,
        roles,
        revoked,
    };
    vec![
        trusted(
            PublicKey::P256(*p256(1).verifying_key()),
            Roles::DRIVER,
            false,
        ),
        trusted(
            PublicKey::Ed25519(ed25519(2).verifying_key()),
            Roles::DRIVER,
            false,
        ),
        trusted(
            PublicKey::Ed25519(ed25519(3).verifying_key()),
            Roles::KEYS,
            false,
        ),
        trusted(
            PublicKey::Ed25519(ed25519(4).verifying_key()),
            Roles::DRIVER,
            true,
        ),
    ]
}

/// The manifest of an update to `elf`.
pub fn manifest(identity: &Identity, sequence: u64, elf: &[u8]) -> Vec<u8> {
    let part = Part {
        identifier: &[DRIVER, b"block"],
        vendor: identity.vendor,
        class: identity.class,
        device: identity.device,
        uri: DRIVER_PAYLOAD,
        digest: Sha256::digest(elf).into(),
        size: elf.len() as u64,
    };
    encode::manifest(sequence, &[part], None)
        .expect("a manifest")
        .to_vec()
}

/// A COSE_Sign1 over the manifest's digest.
pub fn sign1(
    manifest: &[u8],
    algorithm: Algorithm,
    sign: impl FnOnce(&[u8]) -> [u8; 64],
) -> Vec<u8> {
    let digest = encode::digest(manifest).expect("a digest");
    encode::sign1(algorithm, &digest, sign)
        .expect("a block")
        .to_vec()
}

pub fn by_p256(scalar: u8) -> impl FnOnce(&[u8]) -> [u8; 64] {
    move |message| {
        let signature: p256::ecdsa::Signature = p256(scalar).sign(message);
        signature.to_bytes().into()
    }
}

pub fn by_ed25519(seed: u8) -> impl FnOnce(&[u8]) -> [u8; 64] {
    move |message| ed25519(seed).sign(message).to_bytes()
}

/// An envelope of a manifest, authentication blocks and payloads.
pub fn envelope(manifest: &[u8], blocks: &[Vec<u8>], payloads: &[(&str, &[u8])]) -> Vec<u8> {
    let digest = encode::digest(manifest).expect("a digest");
    let blocks: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
    let members = 2 + payloads.len() as u64;
    let mut out = encode::begin(members, &digest, &blocks, true)
        .expect("short")
        .to_vec();
    out.extend(encode::member(3, manifest.len()).expect("short"));
    out.extend(manifest);
    for (key, payload) in payloads {
        out.extend(encode::payload(key, payload.len()).expect("short"));
        out.extend(*payload);
    }
    out
}

/// A bundle that a trusted key signed.
pub fn bundle(identity: &Identity, sequence: u64, payload: &[u8]) -> Vec<u8> {
    let manifest = manifest(identity, sequence, payload);
    let block = sign1(&manifest, Algorithm::Ed25519, by_ed25519(2));
    envelope(&manifest, &[block], &[(DRIVER_PAYLOAD, payload)])
}

pub fn refusal(bundle: &[u8]) -> Option<Reason> {
    let end = verify(bundle, &component(), Trust::Keys(&ring()), Some(4));
    end.err().map(|refusal| refusal.reason)
}

pub fn refusal_of(elf: &[u8]) -> Option<Reason> {
    refusal(&bundle(&component().identity, 5, elf))
}
