// SPDX-License-Identifier: BSD-2-Clause
//! Envelopes made by others: the examples of draft-ietf-suit-manifest and of libcsuit. They are not a part of this project:
//! `MOLT_SUIT_EXAMPLES` names their folder, or it is `shared/suit` in a folder above the checkout. Without it nothing is
//! tested.

use std::path::PathBuf;

use molt_envelope::read_public;
use molt_suit::{Envelope, Known, Manifest, Reason, Roles, TrustedKey, process};

const ARM: [u8; 16] = *b"\xfa\x6b\x4a\x53\xd5\xad\x5f\xdf\xbe\x9d\xe6\x63\xe4\xd4\x1f\xfe";
const CLASS: [u8; 16] = *b"\x14\x92\xaf\x14\x25\x69\x5e\x48\xbf\x42\x9b\x2d\x51\xf2\xab\x45";
const TEEP: [u8; 16] = *b"\xc0\xdd\xd5\xf1\x52\x43\x56\x60\x87\xdb\x4f\x5b\x0a\xa2\x6c\x2f";
const TEEP_CLASS: [u8; 16] = *b"\xdb\x42\xf7\x09\x3d\x8c\x55\xba\xa8\xc5\x26\x5f\xc5\x82\x0f\x4e";
const TA: &[&[u8]] = &[
    b"TEEP-Device",
    b"SecureFS",
    b"\x8d\x82\x57\x3a\x92\x6d\x47\x54\x93\x53\x32\xdc\x29\x99\x7f\x74",
    b"ta",
];

/// A system that has the components of all examples.
fn known(identifier: &'static [&'static [u8]]) -> Known<'static> {
    let teep = identifier.len() > 1;
    Known {
        identifier,
        vendor: if teep { TEEP } else { ARM },
        class: if teep { TEEP_CLASS } else { CLASS },
        device: [0; 16],
        slot: 0,
    }
}

fn folder() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("MOLT_SUIT_EXAMPLES") {
        return Some(folder.into());
    }
    let around = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    around.map(|a| a.join("shared/suit")).find(|f| f.is_dir())
}

fn keys(folder: &std::path::Path) -> Vec<TrustedKey> {
    let pem = std::fs::read(folder.join("libcsuit-public.pem")).expect("the examples' key");
    let key = read_public(&pem).expect("a key of P-256");
    let roles = Roles::DRIVER;
    vec![TrustedKey {
        key,
        roles,
        revoked: false,
    }]
}

/// What becomes of an example where its component is known.
fn outcome(bytes: &[u8], keys: &[TrustedKey]) -> Result<(), Reason> {
    let envelope = Envelope::parse(bytes).map_err(|r| r.reason)?;
    envelope
        .authenticate(keys, Roles::DRIVER)
        .map_err(|r| r.reason)?;
    let manifest = Manifest::parse(&envelope).map_err(|r| r.reason)?;
    let components = [
        known(&[b"\x00"]),
        known(&[b"\x01"]),
        known(&[b"\x02"]),
        known(&[b"00"]),
        known(TA),
    ];
    process(&envelope, &manifest, &components, &mut |_, _| ()).map_err(|refusal| {
        println!("{refusal}");
        refusal.reason
    })?;
    Ok(())
}

#[test]
fn every_example_is_authentic_or_not_as_it_should_be_and_refused_by_name() {
    let Some(folder) = folder() else {
        println!("skipped: there are no examples");
        return;
    };
    let keys = keys(&folder);
    let wanted = [
        // Nothing in it but a digest: no image.
        ("ietf_ex0", Err(Reason::NotInBundle)),
        ("suit_manifest_exp0", Err(Reason::NotInBundle)),
        ("suit_manifest_exp1", Err(Reason::NotInBundle)),
        ("ietf_ex2", Err(Reason::NotInBundle)),
        ("suit_manifest_exp2A", Err(Reason::NotInBundle)),
        ("ietf_ex4", Err(Reason::UnsupportedCommand)),
        ("suit_manifest_exp4", Err(Reason::UnsupportedCommand)),
        // manifest-component-id, of suit-trust-domains.
        ("suit_manifest_expS0", Err(Reason::UnsupportedMember)),
        ("suit_manifest_expD", Err(Reason::Dependencies)),
        ("suit_manifest_expI", Err(Reason::UnsupportedMember)),
        ("suit_manifest_expU1", Err(Reason::UnsupportedCommand)),
        ("suit_manifest_expEW", Err(Reason::Encrypted)),
        ("suit_manifest_expAF", Err(Reason::UnsupportedAlgorithm)),
    ];
    for (name, wanted) in wanted {
        let bytes = std::fs::read(folder.join(name).with_extension("suit")).expect(name);
        println!("{name}:");
        assert_eq!(outcome(&bytes, &keys), wanted, "{name}");
    }
}

#[test]
fn no_flipped_bit_of_an_example_leaves_it_authentic() {
    let Some(folder) = folder() else {
        println!("skipped: there are no examples");
        return;
    };
    let keys = keys(&folder);
    let bytes = std::fs::read(folder.join("ietf_ex0.suit")).expect("ietf_ex0");
    let authentic = |bytes: &[u8]| {
        Envelope::parse(bytes).is_ok_and(|e| e.authenticate(&keys, Roles::DRIVER).is_ok())
    };
    assert!(authentic(&bytes));
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!authentic(&flipped), "bit {bit}");
    }
}
