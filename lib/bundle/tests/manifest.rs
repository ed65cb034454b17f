// SPDX-License-Identifier: BSD-2-Clause
//! What a manifest may ask for: commands by hand, in envelopes that a trusted key signed.

mod common;

use common::*;
use molt_bundle::{DRIVER, DRIVER_PAYLOAD, GUEST, Reason};
use molt_suit::{Algorithm, encode};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

/// CBOR.
#[derive(Clone)]
enum Item {
    N(i64),
    B(Vec<u8>),
    T(&'static str),
    A(Vec<Item>),
    M(Vec<(i64, Item)>),
    True,
    Null,
}
use Item::{A, B, M, N, Null, T, True};

fn write(item: &Item, out: &mut Vec<u8>) {
    let head = |out: &mut Vec<u8>, major: u8, n: u64| match n {
        0..24 => out.push(major << 5 | n as u8),
        24..0x100 => out.extend([major << 5 | 24, n as u8]),
        _ => {
            out.push(major << 5 | 26);
            out.extend((n as u32).to_be_bytes());
        }
    };
    match item {
        N(n) if *n < 0 => head(out, 1, (-1 - n) as u64),
        N(n) => head(out, 0, *n as u64),
        B(bytes) => {
            head(out, 2, bytes.len() as u64);
            out.extend(bytes);
        }
        T(text) => {
            head(out, 3, text.len() as u64);
            out.extend(text.bytes());
        }
        A(items) => {
            head(out, 4, items.len() as u64);
            items.iter().for_each(|item| write(item, out));
        }
        M(members) => {
            head(out, 5, members.len() as u64);
            for (key, value) in members {
                write(&N(*key), out);
                write(value, out);
            }
        }
        True => out.push(0xf5),
        Null => out.push(0xf6),
    }
}

/// An item in a byte string.
fn wrap(item: Item) -> Item {
    let mut out = Vec::new();
    write(&item, &mut out);
    B(out)
}

fn digest(payload: &[u8]) -> Item {
    wrap(A(vec![N(-16), B(Sha256::digest(payload).to_vec())]))
}

/// The parameters that every component needs.
fn parameters(payload: &[u8]) -> Vec<(i64, Item)> {
    let identity = component().identity;
    vec![
        (1, B(identity.vendor.to_vec())),
        (2, B(identity.class.to_vec())),
        (3, digest(payload)),
    ]
}

fn checked(payload: &[u8]) -> Vec<Item> {
    vec![N(20), M(parameters(payload)), N(1), N(15), N(2), N(15)]
}

fn fetched(uri: &'static str) -> Vec<Item> {
    vec![N(20), M(vec![(21, T(uri))]), N(21), N(2), N(3), N(15)]
}

fn of_driver() -> Item {
    A(vec![B(DRIVER.to_vec()), B(b"block".to_vec())])
}

/// What becomes of a bundle with these components, shared sequence, install sequence and other members.
fn bundle_of(
    components: Vec<Item>,
    shared: Vec<Item>,
    install: Vec<Item>,
    others: Vec<(i64, Item)>,
) -> Option<Reason> {
    let elf = good_elf();
    let common = wrap(M(vec![(2, A(components)), (4, wrap(A(shared)))]));
    let mut members = vec![(1, N(1)), (2, N(5)), (3, common)];
    members.extend(others);
    members.push((20, wrap(A(install))));
    let mut manifest = Vec::new();
    write(&M(members), &mut manifest);
    let block = sign1(&manifest, Algorithm::Ed25519, by_ed25519(2));
    refusal(&envelope(
        &manifest,
        &[block],
        &[(DRIVER_PAYLOAD, &elf), ("#guest", b"front end")],
    ))
}

/// As the templates have it, with this before the rest of the install sequence.
fn before(commands: Vec<Item>) -> Option<Reason> {
    let install = [commands, fetched(DRIVER_PAYLOAD)].concat();
    bundle_of(vec![of_driver()], checked(&good_elf()), install, vec![])
}

fn try_each(sequences: Vec<Item>) -> Vec<Item> {
    vec![N(15), A(sequences)]
}

fn sequence(commands: Vec<Item>) -> Item {
    wrap(A(commands))
}

fn abort() -> Vec<Item> {
    vec![N(14), N(0)]
}

fn slot(number: i64) -> Vec<Item> {
    vec![N(20), M(vec![(5, N(number))]), N(5), N(5)]
}

/// Soft failure: true.
fn soft() -> Vec<Item> {
    vec![N(20), M(vec![(13, True)])]
}

#[test]
fn the_templates_are_run() {
    assert_eq!(before(vec![]), None);
}

#[test]
fn a_check_that_is_left_out_is_missed() {
    let elf = good_elf();
    let without = |command: i64| {
        let shared = checked(&elf);
        let shared: Vec<Item> = (shared.chunks(2))
            .filter(|pair| !matches!(pair[0], N(n) if n == command))
            .flatten()
            .cloned()
            .collect();
        bundle_of(vec![of_driver()], shared, fetched(DRIVER_PAYLOAD), vec![])
    };
    assert_eq!(without(1), Some(Reason::Incomplete));
    assert_eq!(without(2), Some(Reason::Incomplete));
    let not_matched = fetched(DRIVER_PAYLOAD)[..4].to_vec();
    let end = bundle_of(vec![of_driver()], checked(&elf), not_matched, vec![]);
    assert_eq!(end, Some(Reason::Incomplete));
}

#[test]
fn conditions_fail_and_try_each_goes_on() {
    assert_eq!(before(abort()), Some(Reason::ConditionFailed));
    assert_eq!(before(slot(0)), None);
    assert_eq!(before(slot(1)), Some(Reason::ConditionFailed));
    let sequences = |a, b| try_each(vec![sequence(a), sequence(b)]);
    assert_eq!(before(sequences(slot(1), slot(0))), None);
    assert_eq!(
        before(sequences(slot(1), slot(2))),
        Some(Reason::ConditionFailed)
    );
    // An empty last one lets all others fail.
    assert_eq!(
        before(try_each(vec![sequence(slot(1)), sequence(abort()), Null])),
        None
    );
    // A directive that fails ends everything, whatever soft failure says.
    let directive = vec![N(23), N(0)];
    assert_eq!(
        before(sequences(directive, slot(0))),
        Some(Reason::NotInBundle)
    );
}

#[test]
fn soft_failure_is_a_matter_of_inner_sequences() {
    let run = |commands| vec![N(32), sequence(commands)];
    assert_eq!(before(run(slot(0))), None);
    assert_eq!(before(run(abort())), Some(Reason::ConditionFailed));
    assert_eq!(before(run([soft(), abort()].concat())), None);
    // Outside of them it "causes an Abort".
    assert_eq!(before(soft()), Some(Reason::UnsupportedParameter));
    // It ends with its sequence.
    let inner = run([soft(), abort()].concat());
    assert_eq!(
        before(run([inner, abort()].concat())),
        Some(Reason::ConditionFailed)
    );
}

#[test]
fn what_is_not_understood_is_named_even_where_nothing_comes_to_it() {
    let hidden = |commands| try_each(vec![sequence(slot(0)), sequence(commands)]);
    for (command, reason) in [
        (22, Reason::UnsupportedCommand),
        (31, Reason::UnsupportedCommand),
        (29, Reason::UnsupportedCommand),
        (-300, Reason::UnsupportedCommand),
        (11, Reason::Dependencies),
    ] {
        assert_eq!(before(vec![N(command), N(0)]), Some(reason), "{command}");
        assert_eq!(
            before(hidden(vec![N(command), N(0)])),
            Some(reason),
            "{command}"
        );
    }
    for (parameter, reason) in [
        (19, Reason::Encrypted),
        (23, Reason::UnsupportedParameter),
        (25, Reason::UnsupportedParameter),
        (-300, Reason::UnsupportedParameter),
    ] {
        let set = vec![N(20), M(vec![(parameter, B(vec![]))])];
        assert_eq!(before(hidden(set)), Some(reason), "{parameter}");
    }
    let member = |key| {
        let others = vec![(key, N(0))];
        let install = fetched(DRIVER_PAYLOAD);
        bundle_of(vec![of_driver()], checked(&good_elf()), install, others)
    };
    assert_eq!(member(5), Some(Reason::UnsupportedMember));
    assert_eq!(member(15), Some(Reason::Dependencies));
    // Fetching belongs to no shared sequence.
    let shared = [checked(&good_elf()), fetched(DRIVER_PAYLOAD)].concat();
    let end = bundle_of(vec![of_driver()], shared, fetched(DRIVER_PAYLOAD), vec![]);
    assert_eq!(end, Some(Reason::UnsupportedCommand));
}

#[test]
fn payloads() {
    let elf = good_elf();
    let of = |install| bundle_of(vec![of_driver()], checked(&elf), install, vec![]);
    assert_eq!(of(fetched("#other")), Some(Reason::NotInBundle));
    assert_eq!(of(fetched("#guest")), Some(Reason::PayloadDigest));
    // In the manifest itself.
    let written = vec![
        N(20),
        M(vec![(18, B(elf.clone()))]),
        N(18),
        N(2),
        N(3),
        N(15),
    ];
    assert_eq!(of(written), None);
    let size = |size| [vec![N(20), M(vec![(14, N(size))])], fetched(DRIVER_PAYLOAD)].concat();
    assert_eq!(of(size(elf.len() as i64)), None);
    assert_eq!(of(size(elf.len() as i64 - 1)), Some(Reason::PayloadDigest));
}

#[test]
fn the_guests_part_comes_with_the_driver_and_nothing_else_does() {
    let guest = A(vec![B(GUEST.to_vec()), B(b"block".to_vec())]);
    let select = |index| vec![N(12), N(index)];
    let shared =
        |payload: &[u8]| [select(0), checked(&good_elf()), select(1), checked(payload)].concat();
    let install = [
        select(0),
        fetched(DRIVER_PAYLOAD),
        select(1),
        fetched("#guest"),
    ]
    .concat();
    let both = vec![of_driver(), guest.clone()];
    let of = |components, shared, install| bundle_of(components, shared, install, vec![]);
    assert_eq!(
        of(both.clone(), shared(b"front end"), install.clone()),
        None
    );
    assert_eq!(
        of(both.clone(), shared(b"another"), install.clone()),
        Some(Reason::PayloadDigest)
    );
    // "each command sequence MUST begin with a Set Component Index"
    let beheaded = install[2..].to_vec();
    assert_eq!(
        of(both.clone(), shared(b"front end"), beheaded),
        Some(Reason::NotABundle)
    );
    // For all of them at once.
    let all = [vec![N(12), True], vec![N(3), N(15)]].concat();
    assert_eq!(
        of(both, shared(b"front end"), [install.clone(), all].concat()),
        None
    );
    let other = A(vec![B(b"driver".to_vec()), B(b"net".to_vec())]);
    let two_drivers = vec![of_driver(), other];
    assert_eq!(
        of(two_drivers, shared(b"front end"), install),
        Some(Reason::WrongComponent)
    );
    let alone = of(vec![guest], checked(b"front end"), fetched("#guest"));
    assert_eq!(
        alone,
        Some(Reason::Incomplete),
        "the guest's part without a driver"
    );
}

#[test]
fn there_is_an_end_to_commands_and_depth() {
    let many: Vec<Item> = (0..600).flat_map(|_| slot(0)).collect();
    assert_eq!(before(many), Some(Reason::NotABundle));
    let mut deep = slot(0);
    for _ in 0..6 {
        deep = vec![N(32), sequence(deep)];
    }
    assert_eq!(before(deep), Some(Reason::NotABundle));
}

/// A severed text may be there or not, but it may not be another.
#[test]
fn a_severed_text() {
    let elf = good_elf();
    let mut text = Vec::new();
    write(&M(vec![]), &mut text);
    let common = wrap(M(vec![
        (2, A(vec![of_driver()])),
        (4, wrap(A(checked(&elf)))),
    ]));
    let hash = encode::wrapped(&text).expect("a digest");
    let members = vec![
        (1, N(1)),
        (2, N(5)),
        (3, common),
        (20, wrap(A(fetched(DRIVER_PAYLOAD)))),
        (23, A(vec![N(-16), B(hash.to_vec())])),
    ];
    let mut manifest = Vec::new();
    write(&M(members), &mut manifest);
    let block = sign1(&manifest, Algorithm::Ed25519, by_ed25519(2));
    let without = envelope(
        &manifest,
        std::slice::from_ref(&block),
        &[(DRIVER_PAYLOAD, &elf)],
    );
    assert_eq!(refusal(&without), None);
    let with = |text: &[u8]| {
        let digest = encode::digest(&manifest).expect("a digest");
        let begin = encode::begin(4, &digest, &[&block], true).expect("short");
        let head = encode::member(3, manifest.len()).expect("short");
        let text_head = encode::member(23, text.len()).expect("short");
        let payload = encode::payload(DRIVER_PAYLOAD, elf.len()).expect("short");
        let parts = [
            &begin[..],
            &head,
            &manifest,
            &text_head,
            text,
            &payload,
            &elf,
        ];
        refusal(&parts.concat())
    };
    assert_eq!(with(&text), None);
    assert_eq!(with(&[0xa1, 0, 0]), Some(Reason::ManifestDigest));
}

proptest! {
    /// Signed or not, nothing that stands in an envelope makes its reader panic.
    #[test]
    fn an_arbitrary_manifest_or_sequence_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let block = sign1(&bytes, Algorithm::Ed25519, by_ed25519(2));
        prop_assert_ne!(refusal(&envelope(&bytes, &[block], &[(DRIVER_PAYLOAD, &[])])), None);
        let others = vec![(7, B(bytes.clone()))];
        let _ = bundle_of(vec![of_driver()], checked(&good_elf()), fetched(DRIVER_PAYLOAD), others);
        prop_assert_ne!(refusal(&bytes), None);
    }
}
