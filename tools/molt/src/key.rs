// SPDX-License-Identifier: BSD-2-Clause
//! `molt key`

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use molt_bundle::Identity;
use molt_envelope::{Kind, PrivateKey, fingerprint, read_public, sign_list, write_public};
use molt_suit::keylist::{KeyList, MAX_KEYS};
use molt_suit::{PublicKey, Roles, TrustedKey};

use crate::arguments::{Key, KeyKind, ListKeys, NewKey, RotateKeys};
use crate::bundle::component;
use crate::output::say;

/// `molt key`
pub fn run(command: &Key) -> Result<bool> {
    match command {
        Key::New(arguments) => new(arguments),
        Key::List(arguments) => list(arguments),
        Key::Rotate(arguments) => rotate(arguments),
    }
}

/// A public key's file.
pub fn public(path: &Path) -> Result<PublicKey> {
    let content = fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    read_public(&content).with_context(|| format!("{}", path.display()))
}

/// Writes a file that only its owner may read. An existing file is not overwritten.
pub fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options
        .open(path)
        .with_context(|| format!("{}: cannot be made", path.display()))?;
    file.write_all(content)
        .with_context(|| format!("{}: cannot be written", path.display()))
}

fn new(arguments: &NewKey) -> Result<bool> {
    let key = PrivateKey::generate(match arguments.kind {
        KeyKind::Ed25519 => Kind::Ed25519,
        KeyKind::P256 => Kind::P256,
    })?;
    let private = if arguments.cose {
        key.to_cose()
    } else {
        key.to_pem().into_bytes()
    };
    write_private(&arguments.out, &private)?;
    if let Some(path) = &arguments.public {
        fs::write(path, write_public(&key.public(), arguments.cose))
            .with_context(|| format!("{}: cannot be written", path.display()))?;
    }
    say!("{}", line(&key.public()));
    Ok(true)
}

fn list(arguments: &ListKeys) -> Result<bool> {
    for path in &arguments.files {
        say!("{}  {}", line(&public(path)?), path.display());
    }
    let Some(description) = &arguments.system else {
        return Ok(true);
    };
    let system = molt_sdf::load_any(description, &[])?;
    let folder = description.parent().unwrap_or(Path::new(""));
    for domain in &system.domains {
        for trust in domain.replaceable.iter().flat_map(|r| &r.trust) {
            let path = folder.join(&trust.key.value);
            // Keys for trying out are made when an image is built: here they may be missing.
            let shown = match path.exists() {
                true => line(&public(&path)?),
                false => "(not there yet)".to_owned(),
            };
            let signs = [(trust.driver, "driver"), (trust.keys, "keys")];
            let signs: Vec<_> =
                (signs.iter().filter(|(may, _)| *may).map(|(_, role)| *role)).collect();
            say!(
                "{shown}  {}: {} ({})",
                domain.name,
                trust.key.value,
                signs.join(", ")
            );
        }
    }
    Ok(true)
}

/// Makes a list of keys.
fn rotate(arguments: &RotateKeys) -> Result<bool> {
    let system = molt_sdf::load(&arguments.system, &[])?;
    let id = component(&system, arguments.component.as_deref())?;
    let replaceable = system.domains.get(id).and_then(|d| d.replaceable.as_ref());
    let replaceable = replaceable.context("the component is not replaceable")?;
    let named = |path: &PathBuf| -> Result<_> { Ok((path.display().to_string(), public(path)?)) };
    let drivers: Result<Vec<_>> = arguments.driver.iter().map(named).collect();
    let revoked: Result<Vec<_>> = arguments.revoke.iter().map(named).collect();
    let list = KeyList {
        sequence: arguments.sequence,
        keys: listed(&drivers?, &revoked?)?,
        frozen: arguments.freeze,
        ..empty_list(molt_image::named(replaceable))
    };
    let path = &arguments.key;
    let content = fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let key = PrivateKey::read(&content).with_context(|| format!("{}", path.display()))?;
    let signed = sign_list(&list, &key, key.algorithm())?;
    let out = &arguments.out;
    fs::write(out, signed).with_context(|| format!("{}: cannot be written", out.display()))?;
    say!("{}", out.display());
    Ok(true)
}

/// A list for the component with these identifiers that has no keys.
pub fn empty_list(identity: Identity) -> KeyList {
    KeyList {
        sequence: 0,
        vendor: identity.vendor,
        class: identity.class,
        keys: heapless::Vec::new(),
        frozen: false,
    }
}

/// The keys of a list: those that may sign drivers, and those that are revoked, each with its name.
pub fn listed(
    drivers: &[(String, PublicKey)],
    revoked: &[(String, PublicKey)],
) -> Result<heapless::Vec<TrustedKey, MAX_KEYS>> {
    let mut keys = heapless::Vec::new();
    let drivers = drivers.iter().map(|named| (named, false));
    for ((name, key), revoked) in drivers.chain(revoked.iter().map(|named| (named, true))) {
        let key = TrustedKey {
            key: key.clone(),
            roles: if revoked { Roles(0) } else { Roles::DRIVER },
            revoked,
        };
        if keys.iter().any(|other: &TrustedKey| other.key == key.key) {
            bail!("{name}: the same key is given twice");
        }
        if keys.push(key).is_err() {
            bail!("a list has at most {MAX_KEYS} keys");
        }
    }
    Ok(keys)
}

fn line(key: &PublicKey) -> String {
    let kind = match key {
        PublicKey::P256(_) => "P-256",
        PublicKey::Ed25519(_) => "Ed25519",
    };
    format!("{}  {kind:<8}", fingerprint(key))
}
