// SPDX-License-Identifier: BSD-2-Clause
//! Envelopes by cbor2 and pycose are accepted, and pycose accepts ours. Without Python and these packages, which are
//! installed in a folder below `target` where they can be had, there is nothing to test.

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::*;
use molt_bundle::DRIVER_PAYLOAD;
use molt_suit::Algorithm;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/envelope.py");

fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// A Python that has the packages.
fn python() -> Option<PathBuf> {
    let has = |python: &Path| succeeds(Command::new(python).args(["-c", "import cbor2, pycose"]));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
    let own = folder.join("bin/python");
    let candidates = [PathBuf::from("python3"), own.clone()];
    if let Some(python) = candidates.into_iter().find(|python| has(python)) {
        return Some(python);
    }
    let made = succeeds(Command::new("python3").args(["-m", "venv"]).arg(&folder))
        && succeeds(Command::new(&own).args(["-m", "pip", "install", "cbor2", "pycose"]));
    (made && has(&own)).then_some(own)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn envelopes_by_cbor2_and_pycose_are_accepted_and_ours_by_pycose() {
    let Some(python) = python() else {
        println!("skipped: no Python with cbor2 and pycose");
        return;
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (elf, out) = (folder.join("image.elf"), folder.join("python.suit"));
    std::fs::write(&elf, good_elf()).expect("written");
    let identity = component().identity;
    for (algorithm, secret) in [("es256", [1; 32]), ("eddsa", [2; 32])] {
        let made = Command::new(&python)
            .args([SCRIPT, "make", algorithm, &hex(&secret)])
            .args([
                hex(&identity.vendor),
                hex(&identity.class),
                hex(&identity.device),
            ])
            .arg("5")
            .args([&elf, &out])
            .status();
        assert!(made.is_ok_and(|status| status.success()), "{algorithm}");
        assert_eq!(
            refusal(&std::fs::read(&out).expect("made")),
            None,
            "{algorithm}"
        );
    }
    let elf = good_elf();
    let manifest = manifest(&identity, 5, &elf);
    for (algorithm, secret, block) in [
        (
            "es256",
            [1; 32],
            sign1(&manifest, Algorithm::Es256, by_p256(1)),
        ),
        (
            "eddsa",
            [2; 32],
            sign1(&manifest, Algorithm::EdDsa, by_ed25519(2)),
        ),
    ] {
        let ours = envelope(&manifest, &[block], &[(DRIVER_PAYLOAD, &elf)]);
        std::fs::write(&out, ours).expect("written");
        let checked = Command::new(&python)
            .args([SCRIPT, "check", algorithm, &hex(&secret)])
            .arg(&out)
            .status();
        assert!(checked.is_ok_and(|status| status.success()), "{algorithm}");
    }
}
