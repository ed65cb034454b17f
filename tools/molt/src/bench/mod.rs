// SPDX-License-Identifier: BSD-2-Clause
//! `molt bench`: the request path, the blackout and the boot, beside a Linux alone and other systems.

mod blackout;
pub mod check;
mod console;
mod crowd;
mod growth;
mod linux;
mod native;
mod neighbour;
mod network;
mod path;
mod peer;
mod played;
mod profile;
mod replaceable;
mod stand_in;
mod transfer;
mod wanted;

use std::path::Path;

use anyhow::{Context, Result, bail};
use molt_bench::{
    Blackouts, Counted, Distributions, Line, Report, Row, Rows, System, figures, table,
};
use molt_profile::{Profile, flame_graph};
use molt_sdk::Arch;
use serde::Serialize;

use crate::arguments::Bench;
use crate::kernel::Kernel;
use crate::toolchain::Toolchain;
use peer::Peer;
use wanted::Wanted;

/// The content of the JSON file.
#[derive(Serialize)]
struct Content<'a> {
    /// The board, by its name in an SDK.
    board: &'a str,
    /// The kernel's configuration, by its name in an SDK.
    configuration: &'a str,
    /// QEMU's version.
    qemu: String,
    /// Requests in each row of the request path.
    requests: u64,
    /// The figures.
    rows: &'a [Row],
    /// Where the time of a read at depth 1 goes.
    profile: Option<&'a Profile>,
}

/// Measures what is asked for.
pub fn run(arguments: &Bench) -> Result<bool> {
    let toolchain = Toolchain::from_environment()?;
    let kernel = Kernel::choose(&arguments.kernel)?;
    let board = kernel.board_file(&toolchain)?;
    if !kernel.counts_instructions(&board) {
        bail!(
            "board '{}', configuration '{}': cannot be run by the count of instructions in QEMU, and by the host's clock nothing here repeats",
            kernel.board(),
            kernel.configuration()
        );
    }
    if arguments.check {
        return check::run(&toolchain, &kernel, arguments.record);
    }
    let peers = (arguments.peer.iter())
        .map(|text| text.parse::<Peer>())
        .collect::<Result<Vec<_>>>()?;
    if let Some(row) = &arguments.profile {
        return profile_of(&toolchain, &kernel, row);
    }
    let wanted = Wanted::new(&arguments.rows, arguments.requests, kernel.arch())?;
    let molt = System {
        system: "molt".into(),
        kernel: kernel.name(),
    };
    let mut measured = Rows::default();
    let mut distributions = Distributions::default();
    let mut blackouts = Blackouts::default();
    let mut profiled = None;
    let keep =
        |figures: Vec<(String, f64)>| figures.into_iter().filter(|(name, _)| wanted.has(name));
    for run in 1..=arguments.runs {
        let mut add = |system: &System, lines: &[Line]| {
            measured.add(system, keep(figures(lines)));
            distributions.add(system, lines);
        };
        for (program, what) in wanted.programs(run) {
            let path = path::run(&toolchain, &kernel, &program, &what)?;
            add(&molt, &path.lines);
            let linux = linux::Linux::new(&toolchain, &board, &path.directory)?;
            if let Some(linux) = linux.filter(|_| !arguments.no_linux) {
                add(&linux.system(), &linux.run(&program, &what)?);
            }
        }
        for peer in peers.iter().filter(|_| wanted.load()) {
            add(&peer.system(), &peer.run(run)?);
        }
        // Once is enough: the counts hardly differ from run to run.
        if wanted.profile() && run == 1 {
            let rows_of = [wanted::PROFILED];
            for profile in profile::run(&toolchain, &kernel, &rows_of, profile::REQUESTS)? {
                measured.add(&molt, keep(figures_of(&profile)));
                profiled = Some((wanted::PROFILED, profile));
            }
        }
        let native = wanted.native();
        if let Some(first) = native.first() {
            let path = native::run(&toolchain, &kernel, &native, arguments.requests, run)?;
            measured.add(&molt, keep(path.figures));
            distributions.add(&molt, &path.lines);
            let profile = path.profiles.into_iter().next();
            profiled = profiled.or(profile.map(|profile| (*first, profile)));
        }
        if wanted.blackout() {
            let figures = blackout::run(&toolchain, &kernel, run, &mut blackouts)?;
            measured.add(&molt, keep(figures));
        }
        let figures = neighbour::run(&toolchain, &kernel, &wanted, run)?;
        measured.add(&molt, figures);
        let figures = transfer::run(&toolchain, &kernel, &wanted, run)?;
        measured.add(&molt, figures);
        if wanted.stand_in() {
            measured.add(&molt, stand_in::run(&toolchain, &kernel, run)?);
        }
        if wanted.network() {
            let alone = !arguments.no_linux;
            network::run(&toolchain, &kernel, &wanted, alone, &molt, &mut measured)?;
        }
    }
    if wanted.memory() {
        measured.add(&molt, keep(path::memory(&toolchain, &kernel)?));
    }
    if wanted.replaceable() {
        measured.add(&molt, replaceable::run(&toolchain, &kernel)?);
    }
    let growth = match wanted.growth() {
        true => growth::run(&toolchain, &kernel, &molt, &mut measured)?,
        false => Vec::new(),
    };
    let rows = measured.finish();
    if rows.is_empty() {
        bail!(
            "--rows {}: no figure has such a name",
            arguments.rows.join(",")
        );
    }
    println!("\n  median of {} runs (and their range)", arguments.runs);
    table(&rows).iter().for_each(|line| println!("{line}"));
    if !growth.is_empty() {
        println!("  growth_…: median of the swaps at one point, of one run");
    }
    if let Some((row, profile)) = &profiled {
        println!("\n  {row}:");
        profile.text(30).iter().for_each(|line| println!("{line}"));
    }
    if let Some(file) = &arguments.json {
        let content = Content {
            board: kernel.board(),
            configuration: kernel.configuration(),
            qemu: molt_qemu::version(kernel.arch())?,
            requests: arguments.requests,
            rows: &rows,
            profile: profiled.as_ref().map(|(_, profile)| profile),
        };
        let mut text = serde_json::to_string_pretty(&content)?;
        text.push('\n');
        write(file, &text)?;
    }
    if let Some(file) = &arguments.html {
        let report = Report {
            setting: setting(&kernel, arguments)?,
            rows,
            distributions: distributions.finish(),
            blackouts,
            growth,
            counted: (profiled.as_ref())
                .map(|(row, profile)| counted(row, profile))
                .transpose()?,
        };
        write(file, &report.html())?;
    }
    Ok(true)
}

/// `molt bench --profile ROW`
fn profile_of(toolchain: &Toolchain, kernel: &Kernel, row: &str) -> Result<bool> {
    let profiles = match row {
        // Without virtual machines there are the rows of a native client alone.
        _ if kernel.arch() == Arch::X86_64 => {
            wanted::native_row(row)?;
            profile::run(toolchain, kernel, &[row], profile::REQUESTS)?
        }
        wanted::BLACKOUT_PROFILE => vec![profile::blackout(toolchain, kernel)?],
        wanted::BOOT_PROFILE => vec![profile::boot(toolchain, kernel)?],
        _ if wanted::STREAM_PROFILES.contains(&row) => {
            vec![network::profile(toolchain, kernel, row)?]
        }
        _ => {
            wanted::row(row)?;
            profile::run(toolchain, kernel, &[row], profile::REQUESTS)?
        }
    };
    for profile in profiles {
        let name = format!("target/molt/{row}-{}.svg", kernel.label());
        write(&toolchain.root().join(&name), &flame_graph(&profile, row)?)?;
        profile.text(30).iter().for_each(|line| println!("{line}"));
        println!("  flame graph: {name}");
    }
    Ok(true)
}

fn write(file: &Path, text: &str) -> Result<()> {
    std::fs::write(file, text).with_context(|| format!("{}: cannot be written", file.display()))
}

/// The head of the report.
fn setting(kernel: &Kernel, arguments: &Bench) -> Result<Vec<(String, String)>> {
    let values = [
        ("kernel", kernel.name()),
        ("board", kernel.board().to_owned()),
        ("configuration", kernel.configuration().to_owned()),
        ("QEMU", molt_qemu::version(kernel.arch())?),
        ("runs", arguments.runs.to_string()),
        ("requests in each row", arguments.requests.to_string()),
        ("clock", "an instruction is a nanosecond".to_owned()),
    ];
    Ok(values.map(|(name, value)| (name.to_owned(), value)).into())
}

fn counted(row: &str, profile: &Profile) -> Result<Counted> {
    Ok(Counted {
        row: row.to_owned(),
        text: profile.text(30),
        flame_graph: flame_graph(profile, row)?,
    })
}

/// The rows that a profile gives.
fn figures_of(profile: &Profile) -> Vec<(String, f64)> {
    let figures = [profile.kernel_entries(), profile.instructions];
    (wanted::PROFILE.iter().map(|name| (*name).to_owned()))
        .zip(figures)
        .collect()
}
