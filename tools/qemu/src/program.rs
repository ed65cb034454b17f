// SPDX-License-Identifier: BSD-2-Clause
//! Finds QEMU, and checks whether its version can run the board.

use std::env;
use std::ffi::OsString;
use std::process::Command;

use molt_board::Qemu;

/// Names another QEMU than the one that is installed.
pub const VARIABLE: &str = "MOLT_QEMU";
const INSTALLED: &str = "qemu-system-aarch64";

/// Why the board cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// It does not start.
    #[error("{program} does not start: {error} (package qemu-system-arm)")]
    Start {
        /// The program.
        program: String,
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

/// The program to start.
pub fn program() -> OsString {
    env::var_os(VARIABLE).unwrap_or_else(|| INSTALLED.into())
}

/// Its version.
///
/// # Errors
/// It does not start.
pub fn version() -> Result<String, Unfit> {
    let path = program();
    let said = match Command::new(&path).arg("--version").output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Err(error) => {
            let program = path.to_string_lossy().into_owned();
            return Err(Unfit::Start { program, error });
        }
    };
    let mut words = said.split_whitespace();
    let found = words.find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    Ok(found.unwrap_or("unknown").to_owned())
}

/// Whether it takes plugins: it may have been built without, and says so as soon as it is given one, even one that is not there.
///
/// # Errors
/// It does not start.
pub fn has_plugins() -> Result<bool, Unfit> {
    let path = program();
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
        Err(error) => {
            let program = path.to_string_lossy().into_owned();
            Err(Unfit::Start { program, error })
        }
    }
}

/// Whether the board can be run on it.
///
/// # Errors
/// Why not.
pub fn fit(board: &Qemu) -> Result<(), Unfit> {
    let Some(needed) = &board.at_least else {
        return Ok(());
    };
    let found = version()?;
    if numbers(&found) >= numbers(needed) {
        return Ok(());
    }
    Err(Unfit::Old {
        needed: needed.clone(),
        program: program().to_string_lossy().into_owned(),
        found,
    })
}

/// A version's numbers, in their order.
fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map_while(|n| n.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn versions_are_compared_by_number() {
        assert!(numbers("10.0.2") >= numbers("9.0"));
        assert!(numbers("9.0.0") >= numbers("9.0"));
        assert!(numbers("7.2.22") < numbers("9.0"));
        assert!(numbers("unknown") < numbers("9.0"));
    }
}
