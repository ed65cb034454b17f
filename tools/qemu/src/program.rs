// SPDX-License-Identifier: BSD-2-Clause
//! Finds QEMU, and checks whether its version can run the board.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Command;

use molt_board::{Arch, Qemu};

/// Names another QEMU than the one that is installed.
pub const VARIABLE: &str = "MOLT_QEMU";

/// The program of an architecture, and Debian's package of it.
const fn installed(arch: Arch) -> (&'static str, &'static str) {
    match arch {
        Arch::Aarch64 => ("qemu-system-aarch64", "qemu-system-arm"),
        Arch::X86_64 => ("qemu-system-x86_64", "qemu-system-x86"),
    }
}

/// Why the board cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// It does not start.
    #[error("{program} does not start: {error} (package {package})")]
    Start {
        /// The program.
        program: String,
        /// The distribution's package of it.
        package: &'static str,
        /// Why.
        error: std::io::Error,
    },
    /// The board has a device that cannot.
    #[error(
        "QEMU cannot run this board by the count of instructions (--icount): the board's file says why"
    )]
    Clock,
    /// QEMU lets cores run in turns then, of up to 100 ms of the machine's time, and the kernel's wait for each other.
    #[error(
        "a kernel for {0} cores cannot be run by the count of instructions (--icount): its cores wait for each other, and QEMU would run them in turns"
    )]
    Cores(u64),
    /// It was built without the controller's machine.
    #[error(
        "{program} has no machine '{machine}', which is the controller: take a QEMU with all Arm machines (package qemu-system-arm)"
    )]
    Machine {
        /// The program.
        program: String,
        /// The machine.
        machine: &'static str,
    },
    /// It is too old for the board.
    #[error(
        "this board needs QEMU {needed} or later, and {program} is {found}: name a later one by {VARIABLE} (docs/boards.md says why)"
    )]
    Old {
        /// The first version that can.
        needed: String,
        /// The program.
        program: String,
        /// Its version.
        found: String,
    },
}

/// The program to start. A variable that names the program of another architecture stands for the one beside it.
pub fn program(arch: Arch) -> OsString {
    let wanted = installed(arch).0;
    match env::var_os(VARIABLE) {
        Some(named) => of(wanted, named),
        None => wanted.into(),
    }
}

fn of(wanted: &str, named: OsString) -> OsString {
    let path = Path::new(&named);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match name.starts_with("qemu-system-") && name != wanted {
        true => path.with_file_name(wanted).into(),
        false => named,
    }
}

/// Its version.
///
/// # Errors
/// It does not start.
pub fn version(arch: Arch) -> Result<String, Unfit> {
    let path = program(arch);
    let said = match Command::new(&path).arg("--version").output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Err(error) => return Err(absent(&path, error)),
    };
    let mut words = said.split_whitespace();
    let found = words.find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    Ok(found.unwrap_or("unknown").to_owned())
}

/// The error that a program did not start.
pub(crate) fn absent(program: &OsStr, error: std::io::Error) -> Unfit {
    let program = program.to_string_lossy().into_owned();
    let all = [Arch::X86_64, Arch::Aarch64].map(installed);
    let of_name = all.into_iter().find(|(name, _)| program.ends_with(name));
    Unfit::Start {
        package: of_name.map_or("qemu-system-arm", |(_, package)| package),
        program,
        error,
    }
}

/// Whether it takes plugins: it may have been built without, and says so as soon as it is given one, even one that is not there.
///
/// # Errors
/// It does not start.
pub fn has_plugins(arch: Arch) -> Result<bool, Unfit> {
    let path = program(arch);
    let mut command = Command::new(&path);
    command.args([
        "-machine",
        "none",
        "-display",
        "none",
        "-plugin",
        "/nonexistent",
    ]);
    match command.output() {
        Ok(output) => Ok(!String::from_utf8_lossy(&output.stderr).contains("not enabled")),
        Err(error) => Err(absent(&path, error)),
    }
}

/// Whether the board can be run on it.
///
/// # Errors
/// Why not.
pub fn fit(arch: Arch, board: &Qemu) -> Result<(), Unfit> {
    let Some(needed) = &board.at_least else {
        return Ok(());
    };
    let found = version(arch)?;
    if numbers(&found) >= numbers(needed) {
        return Ok(());
    }
    Err(Unfit::Old {
        needed: needed.clone(),
        program: program(arch).to_string_lossy().into_owned(),
        found,
    })
}

/// A version's numbers, in their order.
fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map_while(|n| n.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::{numbers, of};

    #[test]
    fn the_variable_of_one_architecture_serves_the_other() {
        let arm = "/opt/bin/qemu-system-aarch64";
        assert_eq!(
            of("qemu-system-x86_64", arm.into()),
            "/opt/bin/qemu-system-x86_64"
        );
        assert_eq!(of("qemu-system-aarch64", arm.into()), arm);
        assert_eq!(
            of("qemu-system-x86_64", "/opt/own-qemu".into()),
            "/opt/own-qemu"
        );
    }

    #[test]
    fn versions_are_compared_by_number() {
        assert!(numbers("10.0.2") >= numbers("9.0"));
        assert!(numbers("9.0.0") >= numbers("9.0"));
        assert!(numbers("7.2.22") < numbers("9.0"));
        assert!(numbers("unknown") < numbers("9.0"));
    }
}
