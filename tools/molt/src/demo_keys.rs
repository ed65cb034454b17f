// SPDX-License-Identifier: BSD-2-Clause
//! Keys for trying out: made once for each checkout, in `target/molt/keys`, and never part of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use molt_envelope::{Kind, PrivateKey};

use crate::key::write_private;

/// The private key to the public key that a description calls `name`. It is made if there is none yet: a P-256 key if the name
/// begins with `p256`, otherwise an Ed25519 key.
pub fn private(root: &Path, name: &str) -> Result<PrivateKey> {
    let path = path(root, name);
    if !path.exists() {
        let kind = if name.starts_with("p256") {
            Kind::P256
        } else {
            Kind::Ed25519
        };
        write_private(&path, PrivateKey::generate(kind)?.to_pem().as_bytes())?;
    }
    let content = fs::read(&path).with_context(|| format!("{}", path.display()))?;
    PrivateKey::read(&content).with_context(|| format!("{}", path.display()))
}

fn path(root: &Path, name: &str) -> PathBuf {
    root.join("target/molt/keys")
        .join(format!("{name}.private"))
}
