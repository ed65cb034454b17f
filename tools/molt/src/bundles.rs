// SPDX-License-Identifier: BSD-2-Clause
//! The bundles of a scenario, whole and damaged.

use std::fs;

use anyhow::{Context, Result, bail};
use molt_bundle::{HEADER_LENGTH, Identity};
use molt_linux::Archive;
use molt_sdf::System;
use molt_sdf::model::ProtectionDomain;

use crate::scenario::{BundleSource, Damage, Scenario};
use crate::toolchain::{Target, Toolchain};

/// The bundles that one guest offers, named so that their order is the scenario's.
pub fn of_guest(
    toolchain: &Toolchain,
    scenario: &Scenario,
    system: &System,
    guest: &str,
    sdk: Option<&std::path::Path>,
) -> Result<Vec<(String, Vec<u8>)>> {
    let mut bundles: Vec<(u64, Vec<u8>)> = Vec::new();
    for source in scenario.bundles.iter().filter(|b| b.guest == guest) {
        for (index, bundle) in make(toolchain, system, source, sdk)?
            .into_iter()
            .enumerate()
        {
            // Sources with the same stride interleave: two images in turn under rising numbers.
            bundles.push((source.sequence + index as u64 * source.stride, bundle));
        }
    }
    if scenario.bundles.iter().any(|b| b.repeat > 1) {
        bundles.sort_by_key(|(sequence, _)| *sequence);
    }
    Ok(bundles
        .into_iter()
        .enumerate()
        .map(|(index, (sequence, bundle))| (format!("{index:03}-sequence-{sequence}"), bundle))
        .collect())
}

/// Bundles as an archive, in which a guest without a file system finds them.
pub fn archive(bundles: &[(String, Vec<u8>)]) -> Result<Vec<u8>> {
    let mut archive = Archive::new();
    for (name, bundle) in bundles {
        archive.file(name, bundle)?;
    }
    archive.finish().context("the bundles' archive")
}

fn make(
    toolchain: &Toolchain,
    system: &System,
    source: &BundleSource,
    sdk: Option<&std::path::Path>,
) -> Result<Vec<Vec<u8>>> {
    let Some(component) = system
        .domains
        .iter()
        .position(|domain| domain.name == source.component && domain.replaceable.is_some())
    else {
        bail!("there is no replaceable PD '{}'", source.component);
    };
    let folder = toolchain.build(
        &[source.package.as_str()],
        Target::Domain,
        &source.features,
        sdk,
    )?;
    let path = folder.join(&source.package);
    let elf = fs::read(&path).with_context(|| format!("{}", path.display()))?;
    (0..source.repeat)
        .map(|index| {
            let sequence = source.sequence + index * source.stride;
            let bundle = molt_image::bundle(system, component, &elf, sequence)?;
            damage(bundle, source.damage, &system.domains[component], sequence)
        })
        .collect()
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
