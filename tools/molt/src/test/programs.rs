// SPDX-License-Identifier: BSD-2-Clause
//! The same programs run on either kernel: built for the embedded one and for an SDK's of the same configuration, they
//! are the same bytes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::count::Count;
use crate::kernel::Kernel;
use crate::output::say;
use crate::toolchain::{Target, Toolchain};

/// The system whose programs are compared.
const SYSTEM: &str = "system.xml";
/// The root task, which no description names.
const MONITOR: &str = "molt-monitor";
/// A separate build folder, so that both are built.
const FOLDER: &str = "target/bare-compared";

/// Builds both and compares.
pub fn run(toolchain: &Toolchain, kernel: &Kernel, filter: Option<&str>) -> Result<Count> {
    let mut count = Count::default();
    let system = toolchain.root().join(SYSTEM);
    let system = molt_sdf::load(&system, &[])?;
    let images = system.domains.iter().map(|domain| &*domain.image.value);
    let packages: BTreeSet<&str> = images
        .map(|image| image.strip_suffix(".elf").unwrap_or(image))
        .chain([MONITOR])
        .filter(|package| filter.is_none_or(|filter| package.contains(filter)))
        .collect();
    let configuration = match (kernel.sdk(), kernel.programs_for()?) {
        (Some(configuration), None) => configuration,
        (None, _) => return Ok(skip(&packages, "needs a Microkit SDK (--sdk DIR)")),
        (Some(_), Some(_)) => {
            let reason = "this kernel's configuration is another than the embedded one's";
            return Ok(skip(&packages, reason));
        }
    };
    for package in packages {
        let ours = toolchain.build(&[package], Target::Domain, &[], None)?;
        let theirs =
            toolchain.build_in(FOLDER, &[package], Target::Domain, &[], Some(configuration))?;
        let (ours, theirs) = (digest(&ours.join(package))?, digest(&theirs.join(package))?);
        let same = ours == theirs;
        if same {
            say!("ok     {package} is the same program on either kernel: {ours}");
        } else {
            say!("FAILED {package}: {ours} for the embedded kernel, {theirs} for the SDK's");
        }
        count += Count::of(same);
    }
    Ok(count)
}

fn skip(packages: &BTreeSet<&str>, reason: &str) -> Count {
    for package in packages {
        say!("skip   {package} is the same program on either kernel: {reason}");
    }
    Count {
        skipped: packages.len(),
        ..Count::default()
    }
}

/// SHA-256 in hexadecimal digits.
fn digest(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("{}", path.display()))?;
    let digest = Sha256::digest(bytes);
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}
