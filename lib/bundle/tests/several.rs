// SPDX-License-Identifier: BSD-2-Clause
//! Bundles with drivers for several components.

mod common;

use common::{CONFIGURATION, by_ed25519, component, envelope, good_elf, ring, sign1};
use molt_bundle::{
    Component, DRIVER, DRIVER_PAYLOAD, Identity, Other, Reason, Trust, Verified, verify,
};
use molt_suit::Algorithm;
use molt_suit::encode::{self, Part};
use sha2::{Digest, Sha256};

const NET_PAYLOAD: &str = "#driver-net";

fn net() -> Identity {
    Identity::new("molt", "net", "virtio,mmio", 1, 0)
}

fn part<'a>(
    identifier: &'a [&'a [u8]],
    identity: &Identity,
    uri: &'a str,
    digest_of: &[u8],
    size: usize,
) -> Part<'a> {
    Part {
        identifier,
        vendor: identity.vendor,
        class: identity.class,
        device: identity.device,
        uri,
        digest: Sha256::digest(digest_of).into(),
        size: size as u64,
    }
}

/// A signed bundle with a driver for the class `block` and one for `net`, whose identity and payload are given.
fn both(identity: &Identity, net_payload: &[u8]) -> Vec<u8> {
    let elf = good_elf();
    let block = component().identity;
    let parts = [
        part(&[DRIVER, b"block"], &block, DRIVER_PAYLOAD, &elf, elf.len()),
        part(&[DRIVER, b"net"], identity, NET_PAYLOAD, b"net", 3),
    ];
    let manifest = encode::manifest(5, &parts, None).expect("a manifest");
    let block = sign1(&manifest, Algorithm::Ed25519, by_ed25519(2));
    let payloads = [(DRIVER_PAYLOAD, &elf[..]), (NET_PAYLOAD, net_payload)];
    envelope(&manifest, &[block], &payloads)
}

fn checked<'a>(bundle: &'a [u8], others: &[Other<'_>]) -> Result<Verified<'a>, Reason> {
    let component = Component {
        configuration: CONFIGURATION,
        others,
        ..component()
    };
    verify(bundle, &component, Trust::Keys(&ring()), Some(4)).map_err(|refusal| refusal.reason)
}

fn other(class: &[u8]) -> Other<'_> {
    Other {
        class,
        identity: net(),
    }
}

#[test]
fn a_bundle_says_which_other_components_it_has_drivers_for() {
    let bundle = both(&net(), b"net");
    let (entropy, network) = (other(b"entropy"), other(b"net"));
    let verified = checked(&bundle, &[entropy, network]).expect("it may run");
    assert_eq!(verified.others, 0b10);
    assert_eq!(verified.payload, good_elf());
    let single = common::bundle(&component().identity, 5, &good_elf());
    assert_eq!(checked(&single, &[network]).expect("it may run").others, 0);
}

#[test]
fn a_component_that_the_system_does_not_have_is_refused() {
    let bundle = both(&net(), b"net");
    assert_eq!(checked(&bundle, &[]).err(), Some(Reason::WrongComponent));
    let entropy = [other(b"entropy")];
    assert_eq!(
        checked(&bundle, &entropy).err(),
        Some(Reason::WrongComponent)
    );
}

#[test]
fn what_is_wrong_with_one_component_refuses_the_bundle_for_the_others() {
    let network = [other(b"net")];
    let device = Identity::new("molt", "net", "other", 1, 0);
    let wrong = both(&device, b"net");
    assert_eq!(checked(&wrong, &network).err(), Some(Reason::WrongDevice));
    let damaged = both(&net(), b"nex");
    assert_eq!(
        checked(&damaged, &network).err(),
        Some(Reason::PayloadDigest)
    );
}
