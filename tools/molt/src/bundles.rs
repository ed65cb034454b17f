// SPDX-License-Identifier: BSD-2-Clause
//! The bundles of a scenario, whole and damaged.

use std::fs;

use anyhow::{Context, Result, bail};
use molt_bundle::{HEADER_LENGTH, Identity};
use molt_linux::Archive;
use molt_sdf::System;
use molt_sdf::model::ProtectionDomain;
use molt_sdk::Configuration;

use crate::scenario::{BundleSource, Damage, Scenario};
use crate::toolchain::{Target, Toolchain};

/// What bundles are made of.
pub struct Maker<'a> {
    /// What builds the drivers.
    pub toolchain: &'a Toolchain,
    /// Which ones.
    pub scenario: &'a Scenario,
    /// For which system.
    pub system: &'a System,
    /// For which kernel's configuration.
    pub configuration: Option<&'a Configuration>,
}

impl Maker<'_> {
    /// The bundles that one guest offers, named so that their order is the scenario's.
    pub fn of_guest(&self, guest: &str) -> Result<Vec<(String, Vec<u8>)>> {
        let sources = self.scenario.bundles.iter();
        let mut bundles: Vec<(u64, Vec<u8>)> = Vec::new();
        for source in sources.clone().filter(|b| b.guest == guest) {
            bundles.extend(self.make(source)?);
        }
        // Several of one source take turns with those of another, under rising numbers.
        if sources.clone().any(|b| b.repeat > 1) {
            bundles.sort_by_key(|(sequence, _)| *sequence);
        }
        Ok(bundles
            .into_iter()
            .enumerate()
            .map(|(index, (sequence, bundle))| (format!("{index:03}-sequence-{sequence}"), bundle))
            .collect())
    }

    fn make(&self, source: &BundleSource) -> Result<Vec<(u64, Vec<u8>)>> {
        let mut domains = self.system.domains.iter();
        let Some(component) = domains
            .position(|domain| domain.name == source.component && domain.replaceable.is_some())
        else {
            bail!("there is no replaceable PD '{}'", source.component);
        };
        let package = source.package.as_str();
        let folder = self.toolchain.build(
            &[package],
            Target::Domain,
            &source.features,
            self.configuration,
        )?;
        let path = folder.join(package);
        let elf = fs::read(&path).with_context(|| format!("{}", path.display()))?;
        (0..source.repeat)
            .map(|index| {
                let sequence = source.sequence + index * source.stride;
                let bundle = molt_image::bundle(self.system, component, &elf, sequence)?;
                let domain = &self.system.domains[component];
                Ok((sequence, damage(bundle, source.damage, domain, sequence)?))
            })
            .collect()
    }
}

/// Bundles as an archive, in which a guest without a file system finds them.
pub fn archive(bundles: &[(String, Vec<u8>)]) -> Result<Vec<u8>> {
    let mut archive = Archive::new();
    for (name, bundle) in bundles {
        archive.file(name, bundle)?;
    }
    archive.finish().context("the bundles' archive")
}

/// Makes of a good bundle the one that the scenario wants.
fn damage(
    mut bundle: Vec<u8>,
    damage: Damage,
    component: &ProtectionDomain,
    sequence: u64,
) -> Result<Vec<u8>> {
    match damage {
        Damage::None => {}
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
        Damage::NotAnElf => bundle = packed(component, "", sequence, TEXT)?,
        Damage::OtherConfiguration => {
            let mut elf = bundle.split_off(HEADER_LENGTH);
            let digest = molt_bundle::configuration(&elf).context("the driver has no note")?;
            let place = (elf
                .windows(digest.len())
                .position(|window| window == digest))
            .and_then(|at| elf.get_mut(at))
            .context("the driver's note is not in its file")?;
            *place ^= 1;
            bundle = packed(component, "", sequence, &elf)?;
        }
        Damage::OtherDevice => {
            let elf = bundle.split_off(HEADER_LENGTH);
            bundle = packed(component, "x", sequence, &elf)?;
        }
    }
    Ok(bundle)
}

const TEXT: &[u8] = b"This is not a driver.\n";

/// A bundle with a header that fits its payload; `more` makes the device another.
fn packed(
    component: &ProtectionDomain,
    more: &str,
    sequence: u64,
    payload: &[u8],
) -> Result<Vec<u8>> {
    let replaceable = component
        .replaceable
        .as_ref()
        .context("the PD is not replaceable")?;
    let identity = Identity::new(
        &replaceable.vendor,
        &replaceable.class,
        &format!("{}{more}", replaceable.device),
        u32::try_from(replaceable.abi)?,
        0,
    )
    .context("the component's identifiers are too long for a bundle")?;
    let mut bundle = molt_bundle::pack(&identity, sequence, payload).to_vec();
    bundle.extend_from_slice(payload);
    Ok(bundle)
}
