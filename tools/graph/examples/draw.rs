// SPDX-License-Identifier: BSD-2-Clause
//! Draws a description: `cargo run -p molt-graph --example draw system.xml > system.svg`.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let Some(path) = arguments.next() else {
        eprintln!("usage: draw <description> [<folder of prefill files> ...]");
        return ExitCode::from(2);
    };
    match molt_sdf::load(&path, &arguments.collect::<Vec<_>>()) {
        Ok(system) => {
            print!("{}", molt_graph::draw(&system));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
