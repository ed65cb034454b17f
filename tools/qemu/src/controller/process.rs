// SPDX-License-Identifier: BSD-2-Clause
//! The controller's QEMU.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread;

use molt_board::Arch;

use super::Controller;
use crate::console::supervised;
use crate::machine::escape;
use crate::program::{self, Unfit};

/// QEMU's board, a Cortex-M4 with its firmware in SPI NOR, and the flash of 1 MiB that the firmware's layout is for.
const BOARD: &str = "ast1030-evb";
const FLASH: &str = "w25q80bl";

/// Whether the installed QEMU has such a machine. The program for AArch64 has the machines of all Arm processors.
pub(super) fn fit() -> Result<(), Unfit> {
    let program = program::program(Arch::Aarch64);
    let answer = Command::new(&program).args(["-machine", "help"]).output();
    let answer = answer.map_err(|error| program::absent(&program, error))?;
    let machines = String::from_utf8_lossy(&answer.stdout);
    if machines
        .lines()
        .any(|line| line.split(' ').next() == Some(BOARD))
    {
        return Ok(());
    }
    Err(Unfit::Machine {
        program: program.to_string_lossy().into_owned(),
        machine: BOARD,
    })
}

/// What the power is to do, and where it is said that it has.
type Order = (Wanted, Sender<Result<(), Unfit>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    On,
    Off,
    /// Off for good.
    End,
}

/// The controller's power. Clones are the same.
///
/// A thread of its own starts and ends QEMU: a process that is to end with its parent ends with the thread that has started
/// it (prctl(2), PR_SET_PDEATHSIG).
#[derive(Clone, Debug)]
pub(super) struct Power(Sender<Order>);

impl Power {
    /// Off.
    pub(super) fn new(controller: &Controller, line: &Path) -> Self {
        let mut process = Process::new(controller, line);
        let (sender, orders) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (wanted, reply) in orders {
                let result = match wanted {
                    Wanted::On => process.start(),
                    Wanted::Off | Wanted::End => {
                        process.stop();
                        Ok(())
                    }
                };
                // Nobody may wait for it.
                let _ = reply.send(result);
                if wanted == Wanted::End {
                    return;
                }
            }
        });
        Self(sender)
    }

    /// After the end nothing is done any more.
    fn order(&self, wanted: Wanted) -> Result<(), Unfit> {
        let (reply, done) = mpsc::channel();
        match self.0.send((wanted, reply)) {
            Ok(()) => done.recv().unwrap_or(Ok(())),
            Err(_) => Ok(()),
        }
    }

    pub(super) fn on(&self) -> Result<(), Unfit> {
        self.order(Wanted::On)
    }

    pub(super) fn off(&self) {
        let _ = self.order(Wanted::Off);
    }

    pub(super) fn end(&self) {
        let _ = self.order(Wanted::End);
    }
}

/// The process, if it runs.
#[derive(Debug)]
struct Process {
    loader: PathBuf,
    flash: PathBuf,
    log: PathBuf,
    line: PathBuf,
    child: Option<Child>,
}

impl Process {
    fn new(controller: &Controller, line: &Path) -> Self {
        Self {
            loader: controller.loader.clone(),
            flash: controller.flash.clone(),
            log: controller.log.clone(),
            line: line.to_owned(),
            child: None,
        }
    }

    fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = ["-machine".into()].into();
        arguments.push(format!("{BOARD},fmc-model={FLASH}").into());
        let fixed = ["-display", "none", "-monitor", "none", "-nic", "none"];
        arguments.extend(fixed.map(OsString::from));
        let mut add = |name: &str, value: OsString| arguments.extend([name.into(), value]);
        let with = |head: &str, path: &Path| {
            let mut value = OsString::from(head);
            value.push(escape(path));
            value
        };
        add("-kernel", self.loader.clone().into());
        add("-drive", with("if=mtd,format=raw,file=", &self.flash));
        add("-chardev", with("socket,id=line,path=", &self.line));
        add("-serial", "chardev:line".into());
        // Its console is appended to over cuts of the power.
        add(
            "-chardev",
            with("file,id=console,append=on,path=", &self.log),
        );
        add("-serial", "chardev:console".into());
        arguments
    }

    fn start(&mut self) -> Result<(), Unfit> {
        if self.child.is_some() {
            return Ok(());
        }
        let program = program::program(Arch::Aarch64);
        // What QEMU itself has to say goes to the console, too.
        let log = OpenOptions::new().append(true).create(true).open(&self.log);
        let child = supervised(&program)
            .args(self.arguments())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.map_or(Stdio::null(), Stdio::from))
            .spawn()
            .map_err(|error| program::absent(&program, error))?;
        self.child = Some(child);
        Ok(())
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
