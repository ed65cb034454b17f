// SPDX-License-Identifier: BSD-2-Clause
//! A guest's console at the terminal of whoever runs the machine (`molt run --attach NAME`).

use std::io::{self, IsTerminal, Read, Write};
use std::sync::mpsc;
use std::thread;

use anyhow::{Context, Result, bail};
use molt_sdf::System;
use molt_sdf::model::Role;
use molt_terminal::{ESCAPE, KINDS, Kind, Name, SHOWN, SPEAKER};
use rustix::termios::{self, OptionalActions, OutputModes, Termios};

use crate::output::complain;

/// Ctrl-], which ends the run at a terminal (as in telnet).
const LEAVE: u8 = 0x1d;

/// The console that is attached, and what is typed for it.
pub struct Attached {
    name: String,
    typed: mpsc::Receiver<Vec<u8>>,
    /// The system has said that consoles can be attached.
    ready: bool,
    /// `serial` was told to attach it.
    told: bool,
    /// The terminal as it was, which it becomes again; `None`: there is no terminal.
    terminal: Option<Termios>,
    left: bool,
}

impl Attached {
    /// The console of this name, whose bytes are those of the standard input.
    ///
    /// # Errors
    /// The system has no such console, or the terminal's modes cannot be set.
    pub fn new(system: &System, name: &str) -> Result<Self> {
        find(system, name)?;
        let terminal = match io::stdin().is_terminal() {
            true => Some(raw().context("the terminal cannot be set up")?),
            false => None,
        };
        if terminal.is_some() {
            complain!("molt: '{name}' is attached when it has started. Ctrl-] ends the run.");
        }
        let (sender, typed) = mpsc::channel();
        thread::spawn(move || {
            let mut room = [0; 4096];
            while let Ok(count @ 1..) = io::stdin().read(&mut room) {
                let bytes = room.get(..count).unwrap_or_default().to_vec();
                if sender.send(bytes).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            name: name.to_owned(),
            typed,
            ready: false,
            told: false,
            terminal,
            left: false,
        })
    }

    /// Shows what was printed.
    pub fn show(&mut self, bytes: &[u8]) {
        let mut out = io::stdout().lock();
        if out.write_all(bytes).and_then(|()| out.flush()).is_err() {
            // Nobody looks any more.
            self.left = true;
        }
    }

    /// The console says this.
    pub fn line(&mut self, line: &str) {
        let shown = |line: &str| {
            let said = line
                .strip_prefix(SPEAKER)
                .and_then(|said| said.strip_prefix(": "));
            said.is_some_and(|said| said.starts_with(SHOWN))
        };
        self.ready |= shown(line);
    }

    /// Whether whoever types has left.
    pub fn left(&self) -> bool {
        self.left
    }

    /// What is typed next. `command`: a line for the operator's commands, which does not go to the guest.
    pub fn typed(&mut self, command: Option<String>) -> Option<Vec<u8>> {
        if let Some(line) = command {
            let line = format!("{line}\n").into_bytes();
            return Some(match self.told {
                true => [self.sequence(""), line, self.sequence(&self.name)].concat(),
                false => line,
            });
        }
        if !self.ready {
            return None;
        }
        if !std::mem::replace(&mut self.told, true) {
            return Some(self.sequence(&self.name));
        }
        let mut bytes = self.typed.try_recv().ok()?;
        if self.terminal.is_some()
            && let Some(at) = bytes.iter().position(|byte| *byte == LEAVE)
        {
            bytes.truncate(at);
            self.left = true;
        }
        Some(bytes)
    }

    fn sequence(&self, name: &str) -> Vec<u8> {
        let mut bytes = vec![ESCAPE];
        bytes.extend(name.bytes());
        bytes.push(b'\r');
        bytes
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        if let Some(before) = &self.terminal {
            // There is nobody to tell.
            let _ = termios::tcsetattr(io::stdin(), OptionalActions::Flush, before);
        }
    }
}

/// Every key is passed on, and nothing is shown that does not come back. Lines are ended as before. Returns the modes until now.
fn raw() -> io::Result<Termios> {
    let before = termios::tcgetattr(io::stdin())?;
    let mut modes = before.clone();
    modes.make_raw();
    modes.output_modes |= before.output_modes & (OutputModes::OPOST | OutputModes::ONLCR);
    termios::tcsetattr(io::stdin(), OptionalActions::Now, &modes)?;
    Ok(before)
}

/// The consoles that can be attached, as `serial` names them.
fn names(system: &System) -> Vec<String> {
    let Some(serial) = system.role(Role::Serial) else {
        return Vec::new();
    };
    let mut names = Vec::new();
    for (domain, described) in system.domains.iter().enumerate() {
        let Some(machine) = &described.machine else {
            continue;
        };
        if system.channel(domain, serial).is_none() {
            continue;
        }
        let port = described.any_doorbell().is_some_and(|bell| bell.port);
        for kind in KINDS.into_iter().filter(|kind| *kind == Kind::Uart || port) {
            let guest = &machine.name;
            names.push(Name { guest, kind }.to_string());
        }
    }
    names
}

fn find(system: &System, name: &str) -> Result<()> {
    let names = names(system);
    let listens = (system.role(Role::Serial))
        .and_then(|serial| system.domains.get(serial))
        .is_some_and(|serial| !serial.irqs.is_empty());
    if !listens {
        bail!(
            "--attach {name}: this system reads nothing from its console: it has no protection domain with role=\"serial\", or that has no <irq>"
        );
    }
    if names.iter().any(|known| known == name) {
        return Ok(());
    }
    let mut machines = system
        .domains
        .iter()
        .filter_map(|domain| domain.machine.as_ref());
    if machines.any(|machine| machine.name == name) {
        bail!("--attach {name}: this guest has no console: its VMM has no <channel> with 'serial'");
    }
    match names.is_empty() {
        true => bail!("--attach {name}: this system has no guest with a console"),
        false => bail!(
            "--attach {name}: no such console; there are: {}",
            names.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn system(edit: impl Fn(&str) -> String) -> System {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/systems");
        let text = std::fs::read_to_string(root.join("linux-bare.xml")).expect("a description");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("system.xml");
        std::fs::write(&file, edit(&text)).expect("written");
        molt_sdf::load_any(&file, &[]).expect("a description")
    }

    fn complaint(system: &System, name: &str) -> String {
        find(system, name).expect_err("refused").to_string()
    }

    #[test]
    fn consoles_are_found_by_name() {
        let all = system(str::to_owned);
        assert_eq!(names(&all), ["linux", "linux/hvc0", "bare"]);
        assert!(find(&all, "linux/hvc0").is_ok());
        let said = complaint(&all, "lunix");
        assert_eq!(
            said,
            "--attach lunix: no such console; there are: linux, linux/hvc0, bare"
        );
        assert!(complaint(&all, "bare/hvc0").contains("no such console"));
        let channel =
            r#"<channel><end pd="vmm_bare" id="5" /><end pd="serial" id="3" /></channel>"#;
        let mute = system(|text| text.replace(channel, ""));
        assert!(complaint(&mute, "bare").contains("has no console"));
        let irq = r#"<irq irq="33" id="0" trigger="level" />"#;
        let deaf = system(|text| text.replace(irq, ""));
        assert!(complaint(&deaf, "linux").contains("reads nothing"));
    }
}
