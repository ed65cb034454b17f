// SPDX-License-Identifier: BSD-2-Clause
//! What is wrong with an SDK: what was found and what was expected.

use std::path::PathBuf;

use molt_payload::MAX_CORES;

use crate::TRIED;

/// Why an SDK, a board or a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder holds something else.
    #[error(
        "{}: not a Microkit SDK: expected the folder that the SDK {} unpacks to, with the file VERSION and the folder board",
        .0.display(), tried()
    )]
    NotAnSdk(PathBuf),
    /// Another version.
    #[error("{}: Microkit SDK {found} was not tried; expected {}", sdk.display(), tried())]
    Version {
        /// The SDK.
        sdk: PathBuf,
        /// Its version.
        found: String,
    },
    /// It has no such board.
    #[error("{}: this SDK has no board '{board}'; it has {}", sdk.display(), list(boards))]
    NoBoard {
        /// The SDK.
        sdk: PathBuf,
        /// The board asked for.
        board: String,
        /// The boards that it has.
        boards: Vec<String>,
    },
    /// The board has no such configuration.
    #[error("{}: board '{board}' has no configuration '{configuration}' in this SDK; it has {}", sdk.display(), list(configurations))]
    NoConfiguration {
        /// The SDK.
        sdk: PathBuf,
        /// The board.
        board: String,
        /// The configuration asked for.
        configuration: String,
        /// The configurations that it has.
        configurations: Vec<String>,
    },
    /// A file is missing.
    #[error("{}: this SDK is incomplete: there is no {}", sdk.display(), file.display())]
    Incomplete {
        /// The SDK.
        sdk: PathBuf,
        /// The file.
        file: PathBuf,
    },
    /// A table is damaged.
    #[error(transparent)]
    Tables(#[from] sel4_config_tables::Error),
    /// The board's memory is not described as expected.
    #[error("{}: '{key}' is not a list of address ranges with 'start' below 'end'", path.display())]
    Platform {
        /// The file.
        path: PathBuf,
        /// The list.
        key: &'static str,
    },
    /// More cores than the loader can start, or none.
    #[error(
        "board '{board}', configuration '{configuration}': a kernel for {found} cores: Molt's loader starts 1 to {MAX_CORES}"
    )]
    Cores {
        /// The board.
        board: String,
        /// The configuration.
        configuration: String,
        /// The value in the kernel's configuration.
        found: String,
    },
    /// Molt cannot run on this kernel.
    #[error(
        "board '{board}', configuration '{configuration}': Molt needs {meaning}: {key} is {found}, expected {wanted}"
    )]
    Unsuitable {
        /// The board.
        board: String,
        /// The configuration.
        configuration: String,
        /// The key of the kernel's configuration.
        key: &'static str,
        /// Its value.
        found: String,
        /// The value that Molt needs.
        wanted: &'static str,
        /// What that means.
        meaning: &'static str,
    },
}

fn tried() -> String {
    let versions: Vec<String> = TRIED
        .iter()
        .map(|version| format!("{} (seL4 {})", version.sdk, version.kernel))
        .collect();
    versions.join(" or ")
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}
