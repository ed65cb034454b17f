// SPDX-License-Identifier: BSD-2-Clause
//! The controller's programs: built, and the firmware signed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use molt_controller::{Release, image};
use molt_envelope::PrivateKey;
use serde::Deserialize;

use crate::demo_keys;
use crate::toolchain::{CONTROLLER_KEY, Target, Toolchain};

const LOADER: &str = "molt-controller-loader";
const APPLICATION: &str = "molt-controller-application";
/// The key that the controller accepts. It is made for each checkout, for trying out.
const KEY: &str = "controller";

/// A firmware that is built.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Firmware {
    /// Features of the application; `v2` makes it version 2.
    #[serde(default)]
    pub features: Vec<String>,
    /// The security counter of the release.
    #[serde(default = "one")]
    pub counter: u32,
    /// The key that signs it; any other than the default is one that the controller does not accept.
    #[serde(default = "key")]
    pub key: String,
}

fn one() -> u32 {
    1
}

fn key() -> String {
    KEY.to_owned()
}

impl Firmware {
    /// One with these features, as it is released.
    pub fn with(features: &[&str]) -> Self {
        Self {
            features: features.iter().map(|f| (*f).to_owned()).collect(),
            counter: one(),
            key: key(),
        }
    }

    /// Its version, which the values that it gives show.
    pub fn version(&self) -> u32 {
        if self.features.iter().any(|f| f == "v2") {
            2
        } else {
            1
        }
    }

    /// Builds and signs it. The caller holds the lock for builds.
    pub fn build(&self, toolchain: &Toolchain) -> Result<Vec<u8>> {
        let elf = program(toolchain, APPLICATION, &self.features)?;
        let elf = fs::read(&elf).with_context(|| format!("{}", elf.display()))?;
        let release = Release {
            version: self.version(),
            counter: self.counter,
        };
        Ok(image(
            &elf,
            release,
            &private(toolchain.root(), &self.key)?.to_bytes(),
        )?)
    }
}

/// Builds the boot loader into this file. The caller holds the lock for builds.
pub fn loader(toolchain: &Toolchain, to: &Path) -> Result<()> {
    let elf = program(toolchain, LOADER, &[])?;
    fs::copy(&elf, to).with_context(|| format!("{}: cannot be written", to.display()))?;
    Ok(())
}

/// Builds a program with the public key in it.
fn program(toolchain: &Toolchain, package: &str, features: &[String]) -> Result<PathBuf> {
    if let Some(why) = toolchain.lacks_controller() {
        bail!(why);
    }
    let key = private(toolchain.root(), KEY)?;
    let file = toolchain.root().join(CONTROLLER_KEY);
    let public = key.verifying_key().to_bytes();
    // Cargo builds anew what a file's date says.
    if fs::read(&file).ok().as_deref() != Some(&public[..]) {
        fs::write(&file, public).with_context(|| format!("{}", file.display()))?;
    }
    let folder = toolchain.build(&[package], Target::Controller, features, None)?;
    Ok(folder.join(package))
}

fn private(root: &Path, name: &str) -> Result<ed25519_dalek::SigningKey> {
    match demo_keys::private(root, name)? {
        PrivateKey::Ed25519(key) => Ok(key),
        PrivateKey::P256(_) => bail!("'{name}': controllers have keys of Ed25519"),
    }
}
