// SPDX-License-Identifier: BSD-2-Clause
//! What the tests have in common: images, and a controller with a client.

use std::cell::Cell;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use molt_controller::{Client, factory};
use molt_firmware::{Digest, parse};
use molt_link::{Identity, Request, Sensor, State, Timing};
use molt_qemu::{Controller, Garble, Running};

use crate::controller::{self, Firmware};
use crate::progress::Step;
use crate::toolchain::Toolchain;
use crate::workspace;

/// What a controller may need until it answers after a start: on a busy host far longer than on an idle one.
const PATIENCE: Duration = Duration::from_secs(30);
/// On a busy host the emulated processor may stand still for a while.
pub const TIMING: Timing = Timing {
    retry: 100,
    limit: 5_000,
    long: 20_000,
};

/// The images, and a folder for what a controller leaves.
pub struct Bench {
    folder: PathBuf,
    session: Cell<u16>,
    /// Version 1.
    pub one: Vec<u8>,
    /// Version 2.
    pub two: Vec<u8>,
    /// Version 2 that faults at its start.
    pub faults: Vec<u8>,
    /// Version 2 that hangs.
    pub hangs: Vec<u8>,
    /// Version 2 that gives nonsense.
    pub nonsense: Vec<u8>,
    /// Version 2, signed with another key.
    pub foreign: Vec<u8>,
    /// Version 2 with a higher security counter.
    pub newer: Vec<u8>,
    _lock: File,
}

impl Bench {
    /// Builds all of them.
    pub fn prepare(toolchain: &Toolchain) -> Result<Self> {
        let folder = toolchain.root().join("target/molt/controller");
        let lock = workspace::lock(&folder)?;
        let _building = workspace::building(toolchain)?;
        let step = Step::start("building the controller's programs".to_owned());
        controller::loader(toolchain, &folder.join("loader.elf"))?;
        let build = |features: &[&str]| Firmware::with(features).build(toolchain);
        let foreign = Firmware {
            key: "another-controller".to_owned(),
            ..Firmware::with(&["v2"])
        };
        let newer = Firmware {
            counter: 2,
            ..Firmware::with(&["v2"])
        };
        let bench = Self {
            one: build(&[])?,
            two: build(&["v2"])?,
            foreign: foreign.build(toolchain)?,
            newer: newer.build(toolchain)?,
            faults: build(&["v2", "fault-at-start"])?,
            hangs: build(&["v2", "hangs"])?,
            nonsense: build(&["v2", "nonsense"])?,
            folder,
            session: Cell::new(0),
            _lock: lock,
        };
        step.done();
        Ok(bench)
    }

    /// Starts a controller with this content of its flash.
    pub fn start(&self, flash: Option<&[u8]>, garble: Option<Garble>) -> Result<Bed> {
        let file = self.folder.join("flash.bin");
        let log = self.folder.join("console.log");
        fs::write(&file, factory(flash)).with_context(|| format!("{}", file.display()))?;
        fs::write(&log, "").with_context(|| format!("{}", log.display()))?;
        let controller = Controller {
            loader: self.folder.join("loader.elf"),
            flash: file,
            log,
            garble,
            cuts: Vec::new(),
        };
        let running = controller.start()?;
        let client = self.client(&running.line())?;
        Ok(Bed { running, client })
    }

    fn client(&self, line: &Path) -> Result<Client> {
        let session = self.session.get();
        self.session.set(session.wrapping_add(1));
        Ok(Client::connect(line, session, TIMING)?)
    }
}

/// A controller and the client of its line.
pub struct Bed {
    /// The controller.
    pub running: Running,
    /// The client.
    pub client: Client,
}

impl Bed {
    /// What it says when it answers again.
    pub fn identify(&mut self) -> Result<Identity> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.client.identify() {
                Ok(identity) => return Ok(identity),
                Err(error) if Instant::now() > end => {
                    return Err(error).context("the controller does not come back");
                }
                Err(_) => {}
            }
        }
    }

    /// Runs this image, in this state.
    pub fn runs(&mut self, image: &[u8], state: State) -> Result<Identity> {
        let identity = self.identify()?;
        let wanted = digest(image)?;
        ensure!(
            (identity.digest, identity.state) == (wanted, state),
            "version {} with digest {} runs, {:?}; wanted is {wanted}, {state:?}",
            identity.version,
            identity.digest,
            identity.state
        );
        Ok(identity)
    }

    /// Reads all sensors: each shows this version.
    pub fn shows(&mut self, version: u32) -> Result<()> {
        for sensor in Sensor::ALL {
            let value = self.client.read(sensor)?;
            given(sensor, value, version)?;
        }
        Ok(())
    }

    /// Transfers and activates.
    pub fn put(&mut self, image: &[u8]) -> Result<()> {
        let identity = self.identify()?;
        self.client.transfer(image, |_| ())?;
        let bank = 1 - identity.running.unwrap_or(1);
        self.activate(bank)
    }

    /// Activates.
    pub fn activate(&mut self, bank: u8) -> Result<()> {
        let activate = Request::Activate { bank };
        self.client.ask(&activate)?;
        Ok(())
    }

    /// Confirms this image.
    pub fn confirm(&mut self, image: &[u8]) -> Result<()> {
        let digest = digest(image)?;
        self.client.ask(&Request::Confirm { digest })?;
        Ok(())
    }

    /// Cuts the power and puts it on again, with a new client.
    pub fn power_cycle(&mut self) -> Result<()> {
        self.running.power_off();
        self.running.power_on()?;
        Ok(())
    }
}

/// The digest of an image.
pub fn digest(image: &[u8]) -> Result<Digest> {
    Ok(parse(image)?.digest())
}

/// A value that the firmware of this version gives.
pub fn given(sensor: Sensor, value: i64, version: u32) -> Result<()> {
    if !sensor.can_be(value) {
        bail!("{} reads {value}, which it cannot", sensor.name());
    }
    match sensor.given_by(value) {
        Some(by) if by != version => bail!(
            "{} reads {value}, which version {by} gives, and not {version}",
            sensor.name()
        ),
        _ => Ok(()),
    }
}
