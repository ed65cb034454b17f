// SPDX-License-Identifier: BSD-2-Clause
//! `molt bundle`

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use molt_envelope::{PrivateKey, diagnostic, sign};
use molt_image::{Brings, KernelSource};
use molt_sdf::System;
use molt_sdf::model::DomainId;
use molt_suit::{Algorithm, Envelope, Manifest, Roles, TrustedKey};

use crate::arguments::{
    Bundle, InspectBundle, NewBundle, SignBundle, SignatureAlgorithm, VerifyBundle,
};
use crate::guest_part;
use crate::kernel::Kernel;
use crate::key;
use crate::output::say;

/// `molt bundle`
pub fn run(command: &Bundle) -> Result<bool> {
    match command {
        Bundle::New(arguments) => new(arguments),
        Bundle::Sign(arguments) => add_signature(arguments),
        Bundle::Inspect(arguments) => inspect(arguments),
        Bundle::Verify(arguments) => verify(arguments),
    }
}

fn new(arguments: &NewBundle) -> Result<bool> {
    let drivers = drivers(arguments)?;
    let mut read_drivers = Vec::new();
    for (_, file) in &drivers {
        read_drivers.push(read(file)?);
    }
    let arch = molt_image::arch_of(read_drivers.first().map_or(&[], Vec::as_slice));
    let system = molt_sdf::load_for(arch, &arguments.system, &[])?;
    let mut firmware = Vec::new();
    for (name, file) in firmware_files(arguments, &drivers)? {
        firmware.push((name, read(&file)?));
    }
    let mut brings = Vec::new();
    for ((name, _), driver) in drivers.iter().zip(&read_drivers) {
        let component = component(&system, Some(name))?;
        let own = firmware.iter().find(|(of, _)| of == name);
        let firmware = own.map(|(_, bytes)| bytes.as_slice());
        check_firmware(&system, component, firmware)?;
        brings.push(Brings {
            component,
            driver,
            firmware,
        });
    }
    let guest = match &arguments.guest_part {
        Some(description) => Some(guest_part::read(description)?),
        None => arguments.guest.as_deref().map(read).transpose()?,
    };
    let text = (!arguments.driver_version.is_empty() || !arguments.about.is_empty())
        .then_some((arguments.driver_version.as_str(), arguments.about.as_str()));
    let with = molt_envelope::Bundle {
        guest: guest.as_deref(),
        text,
        ..molt_envelope::Bundle::default()
    };
    let sequence = arguments.sequence;
    let bundle = molt_image::bundle_of_several(arch, &system, &brings, sequence, &with)?;
    write(&arguments.out, &bundle)
}

/// The components, and the file with the driver of each.
fn drivers(arguments: &NewBundle) -> Result<Vec<(String, PathBuf)>> {
    match (arguments.component.as_slice(), &arguments.driver) {
        ([one], Some(driver)) if !one.contains('=') => Ok(vec![(one.clone(), driver.clone())]),
        (_, Some(_)) => {
            bail!("--driver is for one component: give --component NAME=FILE for each of several")
        }
        (several, None) => several
            .iter()
            .map(|text| named_file("--component", text))
            .collect(),
    }
}

/// The components with firmware, and its file.
fn firmware_files(
    arguments: &NewBundle,
    drivers: &[(String, PathBuf)],
) -> Result<Vec<(String, PathBuf)>> {
    if let ([file], [(one, _)], Some(_)) =
        (arguments.firmware.as_slice(), drivers, &arguments.driver)
    {
        return Ok(vec![(one.clone(), file.into())]);
    }
    let mut files = Vec::new();
    for text in &arguments.firmware {
        let (name, file) = named_file("--firmware", text)?;
        if !drivers.iter().any(|(of, _)| *of == name) {
            bail!("--firmware {text}: there is no --component {name}=FILE");
        }
        files.push((name, file));
    }
    Ok(files)
}

fn named_file(option: &str, text: &str) -> Result<(String, PathBuf)> {
    match text.split_once('=') {
        Some((name, file)) => Ok((name.to_owned(), file.into())),
        None => bail!("{option} {text}: give NAME=FILE, or one component with --driver FILE"),
    }
}

/// A bundle has firmware exactly where the device runs one that comes with its driver.
fn check_firmware(system: &System, component: DomainId, firmware: Option<&[u8]>) -> Result<()> {
    let domain = &system.domains[component];
    let wanted = domain
        .replaceable
        .as_ref()
        .and_then(|r| r.firmware.as_ref());
    match (wanted, firmware) {
        (Some(_), None) => bail!(
            "'{}': its device runs firmware that comes with its driver: give --firmware FILE",
            domain.name
        ),
        (None, Some(_)) => bail!(
            "'{}': its device runs no firmware that comes with its driver (there is no <firmware>): leave --firmware out",
            domain.name
        ),
        (Some(wanted), Some(bytes)) if bytes.len() as u64 > wanted.size => bail!(
            "'{}': the firmware has {} bytes, and <firmware> allows {}",
            domain.name,
            bytes.len(),
            wanted.size
        ),
        _ => Ok(()),
    }
}

fn add_signature(arguments: &SignBundle) -> Result<bool> {
    let key = PrivateKey::read(&read(&arguments.key)?)
        .with_context(|| format!("{}", arguments.key.display()))?;
    let algorithm = match arguments.algorithm {
        None => key.algorithm(),
        Some(SignatureAlgorithm::Es256) => Algorithm::Es256,
        Some(SignatureAlgorithm::Esp256) => Algorithm::Esp256,
        Some(SignatureAlgorithm::Eddsa) => Algorithm::EdDsa,
        Some(SignatureAlgorithm::Ed25519) => Algorithm::Ed25519,
    };
    let signed = sign(&read(&arguments.file)?, &key, algorithm)
        .with_context(|| format!("{}", arguments.file.display()))?;
    write(arguments.out.as_ref().unwrap_or(&arguments.file), &signed)
}

fn inspect(arguments: &InspectBundle) -> Result<bool> {
    let bytes = read(&arguments.file)?;
    let text = if arguments.diag {
        diagnostic(&bytes)
    } else {
        molt_envelope::describe(&bytes)
            .map_err(|refusal| anyhow::anyhow!("{}: {refusal}", arguments.file.display()))?
    };
    say!("{}", text.trim_end());
    Ok(true)
}

fn verify(arguments: &VerifyBundle) -> Result<bool> {
    let bytes = read(&arguments.file)?;
    let mut keys = Vec::new();
    for path in &arguments.key {
        keys.push(TrustedKey {
            key: key::public(path)?,
            roles: Roles::DRIVER,
            revoked: false,
        });
    }
    let outcome = if arguments.authentic_only {
        Envelope::parse(&bytes).and_then(|envelope| {
            envelope.authenticate(&keys, Roles::DRIVER)?;
            // A severed member is authenticated by its digest in the manifest. The rest of the manifest does not matter here.
            let exchanged = Manifest::parse(&envelope)
                .ok()
                .and_then(|manifest| manifest.exchanged);
            exchanged.map_or(Ok(()), Err)
        })
    } else {
        let kernel = Kernel::choose(&arguments.kernel)?;
        let system = molt_sdf::load_for(kernel.arch(), &arguments.system, &[])?;
        let component = component(&system, arguments.component.as_deref())?;
        // Only what programs are built for matters: the kernel itself need not be there.
        let kernel = match kernel {
            Kernel::Embedded => KernelSource::Embedded("".into()),
            Kernel::Sdk(configuration) => KernelSource::Sdk(configuration),
        };
        molt_image::would_run(
            &system,
            component,
            &kernel,
            &keys,
            arguments.committed,
            &bytes,
        )?
    };
    match outcome {
        Ok(()) => say!("{}: ok", arguments.file.display()),
        Err(refusal) => say!(
            "{}: refused ({}): {refusal}",
            arguments.file.display(),
            refusal.reason.word()
        ),
    }
    Ok(outcome.is_ok())
}

/// The replaceable PD of this name, or the only one.
pub fn component(system: &System, name: Option<&str>) -> Result<usize> {
    let components = system.components();
    let names = || {
        let names: Vec<_> = (components.iter())
            .map(|id| format!("'{}'", system.domains[*id].name))
            .collect();
        names.join(", ")
    };
    let file = &system.source.name();
    match name {
        Some(name) => match components
            .iter()
            .find(|id| system.domains[**id].name == name)
        {
            Some(id) => Ok(*id),
            None => bail!(
                "{file}: there is no replaceable protection domain '{name}'; there are: {}",
                names()
            ),
        },
        None => match components.as_slice() {
            [one] => Ok(*one),
            _ => bail!("{file}: say which component (--component): {}", names()),
        },
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))
}

fn write(path: &Path, content: &[u8]) -> Result<bool> {
    fs::write(path, content).with_context(|| format!("{}: cannot be written", path.display()))?;
    say!("{}", path.display());
    Ok(true)
}
