// SPDX-License-Identifier: BSD-2-Clause
//! The host tool: builds images from system descriptions, runs them in QEMU, reports what happened, and tests.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong use.
#![forbid(unsafe_code)]

mod arguments;
mod attach;
mod audit;
mod bench;
mod bundle;
mod bundles;
mod commands;
mod controller;
mod demo_keys;
mod description;
mod flash;
mod fuzz;
mod guest_part;
mod kernel;
mod key;
mod line;
mod mutants;
mod net;
mod operator;
mod output;
mod port;
mod progress;
mod reports;
mod scenario;
mod session;
mod simulate;
mod test;
mod toolchain;
mod typist;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use arguments::{Arguments, Command};
use clap::Parser;
use output::complain;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain!("molt: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a command. Returns whether it succeeded.
fn run(command: Command) -> Result<bool> {
    match command {
        Command::Build(arguments) => commands::build(&arguments),
        Command::Run(arguments) => commands::run(&arguments),
        Command::Demo(arguments) => commands::demo(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Mutants(arguments) => mutants::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Simulate(arguments) => simulate::run_all(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Boards(arguments) => commands::boards(&arguments),
        Command::Check(arguments) => commands::check(&arguments),
        Command::CheckImage(arguments) => commands::check_image(&arguments),
        Command::Graph(arguments) => commands::graph(&arguments),
        Command::Bundle(arguments) => bundle::run(&arguments),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Key(arguments) => key::run(&arguments),
        Command::Operator(arguments) => operator::run(&arguments),
    }
}
