// SPDX-License-Identifier: BSD-2-Clause
//! The second machine: a controller, whose serial line is connected to the first one's.
//!
//! Both QEMUs are clients of a relay in this process, which carries the line's bytes, garbles some of them if that is asked
//! for, and cuts the controller's power after so many of them. So either end can go and come back.

mod garble;
mod process;
mod relay;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use garble::Garble;
use process::Power;

use crate::program::Unfit;

/// How long the power is off after a cut.
const OFF: Duration = Duration::from_millis(20);

/// A controller and what becomes of its line and its power.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    /// The program that it boots, an ELF.
    pub loader: PathBuf,
    /// The file with the content of its flash. It is written to.
    pub flash: PathBuf,
    /// Where its console goes to.
    pub log: PathBuf,
    /// Errors of the line.
    pub garble: Option<Garble>,
    /// The power goes when so many bytes have come to the controller since the start, and comes back. In rising order.
    pub cuts: Vec<u64>,
}

/// A controller that runs until this is dropped.
#[derive(Debug)]
pub struct Running {
    folder: PathBuf,
    power: Power,
}

impl Controller {
    /// Checks that the installed QEMU has its machine.
    ///
    /// # Errors
    /// It has not, or cannot be started.
    pub fn fit() -> Result<(), Unfit> {
        process::fit()
    }

    /// Starts it, with nobody at the other end of its line yet.
    ///
    /// # Errors
    /// QEMU does not start or has no such machine, or the sockets cannot be made.
    pub fn start(&self) -> Result<Running, StartError> {
        process::fit()?;
        let folder = folder()?;
        let running = Running {
            power: Power::new(self, &folder.join(OWN)),
            folder,
        };
        relay::start(self, &running.folder, &running.power)?;
        running.power_on()?;
        Ok(running)
    }
}

/// Why a controller does not run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// QEMU does not start, or cannot run it.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// Its sockets cannot be made.
    #[error("the controller's line cannot be made: {0}")]
    Line(#[from] io::Error),
}

/// The controller's end of the line.
const OWN: &str = "controller";
/// The host's end.
const HOST: &str = "host";

impl Running {
    /// The socket of the host's end, for one client at a time.
    #[must_use]
    pub fn line(&self) -> PathBuf {
        self.folder.join(HOST)
    }

    /// Cuts the power off. The flash keeps what was written to it.
    pub fn power_off(&self) {
        self.power.off();
    }

    /// Puts the power on.
    ///
    /// # Errors
    /// QEMU does not start.
    pub fn power_on(&self) -> Result<(), StartError> {
        Ok(self.power.on()?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.power.end();
        // Whoever is connected stays so; nobody else can connect.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A folder for the sockets, with a path that is short enough for them (`sun_path` has 108 bytes).
fn folder() -> io::Result<PathBuf> {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let name = format!("molt-line-{}-{number}", std::process::id());
    let temporary = std::env::temp_dir();
    let base = match temporary.as_os_str().len() {
        0..=60 => temporary.as_path(),
        _ => Path::new("/tmp"),
    };
    let folder = base.join(name);
    // Left over by a process with the same number.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder)?;
    Ok(folder)
}
