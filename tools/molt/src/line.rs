// SPDX-License-Identifier: BSD-2-Clause
//! The controller at the end of the machine's serial line, and the firmware that comes with the drivers of tests.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use molt_controller::factory;
use molt_guest::rom;
use molt_qemu::{Controller, Garble, Machine};
use molt_sdf::model::{ProtectionDomain, ROM};
use serde::Deserialize;

use crate::controller::{self, Firmware};
use crate::toolchain::Toolchain;

/// The controller of a scenario when the machine is started.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The firmware in its first bank, which it runs; that of the factory if there is none.
    pub firmware: Option<Firmware>,
    /// Errors of its line.
    pub garble: Option<Garble>,
    /// Its power goes when so many bytes have come to it since the start, and comes back. In rising order.
    #[serde(default)]
    pub cuts: Vec<u64>,
}

/// The firmware that a component's device runs if nothing else is said: the first version. `None` for a component without.
pub fn firmware(
    toolchain: &Toolchain,
    component: &ProtectionDomain,
    firmware: Option<&Firmware>,
) -> Result<Option<Vec<u8>>> {
    let class = component.replaceable.as_ref().map(|r| r.class.as_str());
    if class == Some(ROM) {
        let version = firmware.map_or(1, Firmware::version);
        return Ok(Some(rom::content(version.into()).collect()));
    }
    let runs = (component.replaceable.as_ref()).is_some_and(|r| r.firmware.is_some());
    match (runs, firmware) {
        (true, Some(firmware)) => firmware.build(toolchain).map(Some),
        (true, None) => Firmware::with(&[]).build(toolchain).map(Some),
        (false, None) => Ok(None),
        (false, Some(_)) => bail!("the device of '{}' runs no <firmware>", component.name),
    }
}

/// Makes the controller, if the machine has a line to one. Its files are in the folder.
pub fn make(
    toolchain: &Toolchain,
    machine: &Machine,
    source: &Source,
    folder: &Path,
) -> Result<Option<Controller>> {
    if !machine.has_line() {
        return Ok(None);
    }
    let firmware = match &source.firmware {
        Some(firmware) => firmware.build(toolchain)?,
        None => Firmware::with(&[]).build(toolchain)?,
    };
    let made = Controller {
        loader: folder.join("controller-loader.elf"),
        flash: folder.join("controller-flash.bin"),
        log: folder.join("controller.log"),
        garble: source.garble,
        cuts: source.cuts.clone(),
    };
    controller::loader(toolchain, &made.loader)?;
    for (file, content) in [
        (&made.flash, factory(Some(&firmware))),
        (&made.log, Vec::new()),
    ] {
        fs::write(file, content).with_context(|| format!("{}", file.display()))?;
    }
    Ok(Some(made))
}
