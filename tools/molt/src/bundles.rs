// SPDX-License-Identifier: BSD-2-Clause
//! Makes the bundles of a scenario, intact and damaged ones.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use molt_bundle::Identity;
use molt_envelope::{Bundle, PrivateKey};
use molt_image::Brings;
use molt_linux::Archive;
use molt_sdf::System;
use molt_sdf::model::{DomainId, ProtectionDomain, Replaceable};
use molt_sdk::{Arch, Configuration};
use molt_suit::keylist::KeyList;
use molt_suit::{Envelope, Manifest};

use crate::controller::Firmware;
use crate::demo_keys;
use crate::key;
use crate::line;
use crate::scenario::{BundleSource, Damage, KeySource, Origin, Scenario};
use crate::toolchain::{Target, Toolchain};

/// Makes the bundles of a scenario.
pub struct Maker<'a> {
    /// The toolchain that builds the drivers.
    pub toolchain: &'a Toolchain,
    /// The scenario whose bundles are made.
    pub scenario: &'a Scenario,
    /// For which system.
    pub system: &'a System,
    /// For which architecture.
    pub arch: Arch,
    /// For which kernel's configuration.
    pub configuration: Option<&'a Configuration>,
}

impl Maker<'_> {
    /// The bundles that one guest offers, named so that their order is the scenario's; the names say which component each is for.
    pub fn of_guest(&self, guest: &str) -> Result<Vec<(String, Vec<u8>)>> {
        let sources = self.scenario.bundles.iter();
        let mut bundles: Vec<(u64, String, Vec<u8>)> = Vec::new();
        for source in sources.clone().filter(|b| b.guest == guest) {
            let domain = self.component(&source.component)?;
            let number = self.system.components().iter().position(|d| *d == domain);
            let number = number.unwrap_or_default();
            for (sequence, bundle) in self.make(source, domain)? {
                let name = format!("component-{number}-sequence-{sequence}");
                bundles.push((sequence, name, bundle));
            }
        }
        // Several of one source take turns with those of another, under rising numbers.
        if sources.clone().any(|b| b.repeat > 1) {
            bundles.sort_by_key(|(sequence, ..)| *sequence);
        }
        Ok(bundles
            .into_iter()
            .enumerate()
            .map(|(index, (_, name, bundle))| (format!("{index:03}-{name}"), bundle))
            .collect())
    }

    /// The PD that it replaces.
    fn component(&self, name: &str) -> Result<DomainId> {
        let mut domains = self.system.domains.iter();
        let component =
            domains.position(|domain| domain.name == name && domain.replaceable.is_some());
        component.with_context(|| format!("there is no replaceable PD '{name}'"))
    }

    /// A driver's ELF and the firmware of its device.
    fn program(
        &self,
        component: DomainId,
        package: &str,
        features: &[String],
        version: Option<&Firmware>,
    ) -> Result<(Vec<u8>, Option<Vec<u8>>)> {
        let folder =
            self.toolchain
                .build(&[package], Target::Domain, features, self.configuration)?;
        let path = folder.join(package);
        let elf = fs::read(&path).with_context(|| format!("{}", path.display()))?;
        let domain = &self.system.domains[component];
        Ok((elf, line::firmware(self.toolchain, domain, version)?))
    }

    fn make(&self, source: &BundleSource, component: DomainId) -> Result<Vec<(u64, Vec<u8>)>> {
        let package = match source.origin()? {
            Origin::Package(package) => package,
            Origin::File(path) => return Ok(vec![ready(path)?]),
            Origin::Keys(keys) => {
                let domain = &self.system.domains[component];
                let list = self.list(source, keys, domain)?;
                return Ok(vec![(source.sequence, list)]);
            }
        };
        let (features, version) = (&source.features, source.firmware.as_ref());
        let mut programs = vec![(
            component,
            self.program(component, package, features, version)?,
        )];
        for other in &source.with {
            let (features, version) = (&other.features, other.firmware.as_ref());
            let component = self.component(&other.component)?;
            let program = self.program(component, &other.package, features, version)?;
            programs.push((component, program));
        }
        let brings: Vec<_> = programs
            .iter()
            .map(|(component, (driver, firmware))| Brings {
                component: *component,
                driver,
                firmware: firmware.as_deref(),
            })
            .collect();
        let domain = &self.system.domains[component];
        let part = source.part.as_ref();
        let part = part.map(|part| part.part(Path::new(""))).transpose()?;
        (0..source.repeat)
            .map(|index| {
                let sequence = source.sequence + index * source.stride;
                let with = Bundle {
                    guest: part.as_deref(),
                    ..Bundle::default()
                };
                let bundle = molt_image::bundle_of_several(
                    self.arch,
                    self.system,
                    &brings,
                    sequence,
                    &with,
                )?;
                let bundle = altered(bundle, source.damage, domain)?;
                let signed = match source.damage {
                    Damage::Unsigned => bundle,
                    _ => {
                        let key = self.key(source, domain)?;
                        molt_envelope::sign(&bundle, &key, key.algorithm())?
                    }
                };
                Ok((sequence, damaged(signed, source.damage, domain)?))
            })
            .collect()
    }

    /// What signs a bundle.
    fn key(&self, source: &BundleSource, domain: &ProtectionDomain) -> Result<PrivateKey> {
        let name = match &source.key {
            Some(name) => name,
            None => first_key(domain)?,
        };
        demo_keys::private(self.toolchain.root(), name)
    }

    /// A signed list of keys.
    fn list(
        &self,
        source: &BundleSource,
        keys: &KeySource,
        domain: &ProtectionDomain,
    ) -> Result<Vec<u8>> {
        let root = self.toolchain.root();
        let public = |name: &String| -> Result<_> {
            Ok((name.clone(), demo_keys::private(root, name)?.public()))
        };
        let drivers: Result<Vec<_>> = keys.driver.iter().map(public).collect();
        let revoked: Result<Vec<_>> = keys.revoke.iter().map(public).collect();
        let more = match source.damage {
            Damage::None | Damage::Flipped | Damage::Truncated => "",
            Damage::OtherDevice => "x",
            other => bail!("a list of keys cannot be damaged as {other:?}"),
        };
        let list = KeyList {
            sequence: source.sequence,
            keys: key::listed(&drivers?, &revoked?)?,
            frozen: keys.frozen,
            ..key::empty_list(identity(domain, more)?)
        };
        let mut trust = domain.replaceable.iter().flat_map(|r| &r.trust);
        let first = trust.find(|trust| trust.keys).map(|trust| &trust.key.value);
        let signer = source.key.as_ref().or(first);
        let signer =
            signer.with_context(|| format!("no <trust> may sign keys of '{}'", domain.name))?;
        let signer = demo_keys::private(root, signer)?;
        let list = molt_envelope::sign_list(&list, &signer, signer.algorithm())?;
        damaged(list, source.damage, domain)
    }

    /// The key for a native client that signs by itself: the seed of an Ed25519 key.
    pub fn seed(&self) -> Result<[u8; 32]> {
        let mut domains = self.system.domains.iter();
        let component = domains.find(|domain| domain.replaceable.is_some());
        let name = first_key(component.context("the system has no component")?)?;
        match demo_keys::private(self.toolchain.root(), name)? {
            PrivateKey::Ed25519(key) => Ok(key.to_bytes()),
            PrivateKey::P256(_) => bail!("'{name}': the test client signs with Ed25519"),
        }
    }
}

/// A bundle from a file, with its sequence number, by which it is ordered among others.
fn ready(path: &Path) -> Result<(u64, Vec<u8>)> {
    let bundle = fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    // One that is damaged is offered too.
    let sequence = content(&bundle).map_or(0, |(sequence, _)| sequence);
    Ok((sequence, bundle))
}

/// The first key that may sign a driver.
fn first_key(domain: &ProtectionDomain) -> Result<&str> {
    let mut trust = domain.replaceable.iter().flat_map(|r| &r.trust);
    let first = trust.find(|trust| trust.driver);
    let first =
        first.with_context(|| format!("no <trust> may sign a driver of '{}'", domain.name))?;
    Ok(&first.key.value)
}

/// Bundles as an archive, in which a guest without a file system finds them.
pub fn archive(bundles: &[(String, Vec<u8>)]) -> Result<Vec<u8>> {
    let mut archive = Archive::new();
    for (name, bundle) in bundles {
        archive.file(name, bundle)?;
    }
    archive.finish().context("the bundles' archive")
}

/// Changes the content of a good bundle before it is signed.
fn altered(bundle: Vec<u8>, damage: Damage, component: &ProtectionDomain) -> Result<Vec<u8>> {
    let (sequence, elf) = content(&bundle)?;
    match damage {
        Damage::NotAnElf => packed(component, "", sequence, TEXT),
        Damage::OtherDevice => packed(component, "x", sequence, elf),
        Damage::OtherConfiguration => {
            let mut elf = elf.to_vec();
            let digest = molt_bundle::configuration(&elf).context("the driver has no note")?;
            let place = (elf
                .windows(digest.len())
                .position(|window| window == digest))
            .and_then(|at| elf.get_mut(at))
            .context("the driver's note is not in its file")?;
            *place ^= 1;
            packed(component, "", sequence, &elf)
        }
        _ => Ok(bundle),
    }
}

/// Damages a bundle after it was signed.
fn damaged(mut bundle: Vec<u8>, damage: Damage, component: &ProtectionDomain) -> Result<Vec<u8>> {
    match damage {
        Damage::Truncated => bundle.truncate(bundle.len() / 2),
        Damage::Flipped => {
            if let Some(byte) = bundle.last_mut() {
                *byte ^= 1;
            }
        }
        Damage::TooLarge => {
            let slot = component.replaceable.as_ref().map_or(0, |r| r.bundle_size);
            bundle.resize(usize::try_from(slot)? + 1, 0);
        }
        _ => {}
    }
    Ok(bundle)
}

const TEXT: &[u8] = b"This is not a driver.\n";

/// Sequence number and payload.
fn content(bundle: &[u8]) -> Result<(u64, &[u8])> {
    let parsed = Envelope::parse(bundle).and_then(|envelope| {
        let sequence = Manifest::parse(&envelope)?.sequence;
        Ok((sequence, envelope.payload(molt_bundle::DRIVER_PAYLOAD)))
    });
    let (sequence, payload) = parsed.map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
    Ok((sequence, payload.context("the bundle has no driver")?))
}

fn replaceable(component: &ProtectionDomain) -> Result<&Replaceable> {
    let replaceable = component.replaceable.as_ref();
    replaceable.context("the PD is not replaceable")
}

/// The component's identifiers; `more` makes the device another.
fn identity(component: &ProtectionDomain, more: &str) -> Result<Identity> {
    let Replaceable {
        vendor,
        class,
        device,
        abi,
        ..
    } = replaceable(component)?;
    let device = format!("{device}{more}");
    Ok(Identity::new(
        vendor,
        class,
        &device,
        u32::try_from(*abi)?,
        0,
    ))
}

/// A bundle that fits its payload; `more` makes the device another.
fn packed(
    component: &ProtectionDomain,
    more: &str,
    sequence: u64,
    payload: &[u8],
) -> Result<Vec<u8>> {
    let bundle = Bundle {
        class: &replaceable(component)?.class,
        identity: identity(component, more)?,
        sequence,
        driver: payload,
        ..Bundle::default()
    };
    Ok(bundle.envelope()?)
}
