// SPDX-License-Identifier: BSD-2-Clause
//! The commands, each in a few steps.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use molt_board::{Arch, Board};
use molt_sdk::Sdk;

use crate::arguments::{
    Boards, Build, Check, CheckImage, Demo, Graph, Guests, Measure, Run, Subject,
};
use crate::attach::Attached;
use crate::description;
use crate::flash;
use crate::kernel::Kernel;
use crate::line;
use crate::net;
use crate::output::say;
use crate::port::Port;
use crate::scenario::Scenario;
use crate::session::{self, Outcome, Show};
use crate::toolchain::Toolchain;
use crate::workspace::{self, Workspace};

/// The demo with a Linux.
pub const DEMO: &str = "tests/scenarios/demo.toml";
/// The demo of the techniques of denial.
const TECHNIQUES: &str = "tests/scenarios/demo-techniques.toml";
/// The demo with a controller.
const FIRMWARE: &str = "tests/scenarios/demo-firmware.toml";

/// How long a description without a scenario runs.
const LIMIT: Duration = Duration::from_secs(20);
/// How long it runs with a person at a console: a year.
const NO_LIMIT: Duration = Duration::from_secs(365 * 24 * 3600);

/// `molt build`
pub fn build(arguments: &Build) -> Result<bool> {
    let toolchain = Toolchain::from_environment()?;
    let kernel = Kernel::choose(&arguments.kernel)?;
    let system = &arguments.system.system;
    let built = description::build(
        &toolchain,
        &kernel,
        system,
        &arguments.search_path,
        None,
        !arguments.kernel.production,
    )?;
    let image = fs::read(&built.image).with_context(|| format!("{}", built.image.display()))?;
    write_to(&arguments.out, &image)?;
    say!("{}", arguments.out.display());
    Ok(true)
}

/// `molt run`
pub fn run(arguments: &Run) -> Result<bool> {
    let kernel = Kernel::choose(&arguments.kernel)?;
    let (what, search) = (&arguments.scenario, &arguments.search_path);
    let linux = arguments.linux.linux.as_deref();
    if what.extension().is_none_or(|ending| ending != "toml") {
        let toolchain = Toolchain::from_environment()?;
        let built = description::build(&toolchain, &kernel, what, search, linux, true)?;
        let board = kernel.board_file(&toolchain)?;
        let attached = arguments.attach.as_deref();
        let limit = match (arguments.limit, attached) {
            (Some(seconds), _) => Duration::from_secs(seconds),
            (None, Some(_)) => NO_LIMIT,
            (None, None) => LIMIT,
        };
        let mut machine = workspace::machine(&kernel, &board, &built.system, built.image.clone());
        machine.disk = description::disk(&built, &board, arguments.disk.as_deref())?;
        machine.flash = flash::keep(&board, &built.system, &built.directory, &arguments.flash)?;
        machine.controller = {
            let _building = workspace::building(&toolchain)?;
            let source = line::Source::default();
            line::make(&toolchain, &machine, &source, &built.directory)?
        };
        for text in &arguments.net {
            net::connect(&board, &built.system, &mut machine.devices, text)?;
        }
        let port = arguments.operator.as_deref().map(Port::open).transpose()?;
        let attached = attached.map(|name| Attached::new(&built.system, name));
        let attached = attached.transpose()?;
        description::run(
            &built,
            machine,
            arguments.measure.icount,
            limit,
            port,
            attached,
        )?;
        return Ok(true);
    }
    let own = arguments.disk.is_some() || !arguments.flash.is_empty() || !arguments.net.is_empty();
    let typed = arguments.operator.is_some() || arguments.attach.is_some();
    if own || typed {
        bail!(
            "{}: a scenario has its own disk, flash, network and what is typed: --disk, --flash, --net, --operator and --attach are for a description",
            what.display()
        );
    }
    let outcome = play(what, &kernel, linux, &arguments.measure, Show::Console)?;
    Ok(verdict("run", &outcome))
}

/// `molt demo`
pub fn demo(arguments: &Demo) -> Result<bool> {
    let kernel = Kernel::choose(&arguments.kernel)?;
    let toolchain = Toolchain::from_environment()?;
    // Native clients are in the guests' place where there are no virtual machines.
    let scenario =
        toolchain
            .root()
            .join(match (arguments.subject, arguments.guest, kernel.arch()) {
                (Subject::Firmware, _, _) => PathBuf::from(FIRMWARE),
                (Subject::Techniques, _, _) => PathBuf::from(TECHNIQUES),
                (Subject::Drivers, Guests::Linux, Arch::Aarch64) => PathBuf::from(DEMO),
                _ => kernel.board_file(&toolchain)?.demo,
            });
    let linux = arguments.linux.linux.as_deref();
    let outcome = play(
        &scenario,
        &kernel,
        linux,
        &arguments.measure,
        Show::Timeline,
    )?;
    for line in molt_report::table(&outcome.summary) {
        say!("{line}");
    }
    Ok(verdict("demo", &outcome))
}

/// `molt boards`
pub fn boards(arguments: &Boards) -> Result<bool> {
    let toolchain = Toolchain::from_environment()?;
    let boards = Board::all(toolchain.root())?;
    for board in &boards {
        // A board gets its file when an image for it has been built.
        let state = match board.runs.is_empty() {
            true => "built, not run",
            false => "run in QEMU",
        };
        say!("{:<20} {}: {state}", board.name, board.about);
        for (name, device) in &board.devices {
            let interrupt = device.interrupt.map(|n| format!(", interrupt {n}"));
            let interrupt = interrupt.unwrap_or_default();
            say!("  device  {name} at {:#x}{interrupt}", device.address);
        }
        for run in &board.runs {
            say!(
                "  ran     {} on {} {}, QEMU {}",
                run.what,
                run.kernel,
                run.config,
                run.qemu
            );
        }
    }
    if let Some(sdk) = &arguments.sdk {
        let described = |name: &String| boards.iter().any(|board| board.name == *name);
        for name in Sdk::open(sdk)?.boards() {
            if !described(&name) {
                say!(
                    "{name:<20} of the SDK, without a file in {}/: not tried",
                    molt_board::FOLDER
                );
            }
        }
    }
    Ok(true)
}

/// `molt check`
pub fn check(arguments: &Check) -> Result<bool> {
    let kernel = Kernel::choose(&arguments.kernel)?;
    let path = &arguments.system.system;
    // Prefilled files are made while building: here they may be missing.
    let system = molt_sdf::load_for(kernel.arch(), path, &[])?;
    molt_image::check(&system, &kernel.described())?;
    say!(
        "{}: {} protection domains, {} memory regions, {} channels: ok",
        path.display(),
        system.domains.len(),
        system.regions.len(),
        system.channels.len()
    );
    Ok(true)
}

/// `molt check-image`
pub fn check_image(arguments: &CheckImage) -> Result<bool> {
    let toolchain = Toolchain::from_environment()?;
    let kernel = Kernel::choose(&arguments.kernel)?;
    let path = &arguments.image;
    let image = fs::read(path).with_context(|| format!("{}", path.display()))?;
    let board = kernel.board_file(&toolchain)?;
    let examined = molt_image::examine(&image, &kernel.source(&toolchain)?, &board)
        .with_context(|| format!("{}", path.display()))?;
    let form = match molt_image::has_loader(kernel.arch()) {
        true => "flat image, loaded and entered at its first byte (EL2 or EL3, MMU off)",
        false => "module of the SDK's kernel, for a multiboot loader",
    };
    say!("{}: {form}", path.display());
    for (name, place) in &examined.parts {
        let bytes = place.end - place.start;
        say!(
            "  {name:<9}  {:#x}..{:#x}, {bytes} bytes",
            place.start,
            place.end
        );
    }
    say!(
        "{}: {} threads, for {}: ok",
        path.display(),
        examined.threads,
        kernel.label()
    );
    Ok(true)
}

/// `molt graph`
pub fn graph(arguments: &Graph) -> Result<bool> {
    let system = molt_sdf::load_any(&arguments.system.system, &[])?;
    write_to(&arguments.out, molt_graph::draw(&system).as_bytes())?;
    say!("{}", arguments.out.display());
    Ok(true)
}

/// Builds and runs a scenario. `linux`: the packages for its Linux guests, instead of those that the scenario names.
pub fn play(
    path: &Path,
    kernel: &Kernel,
    linux: Option<&Path>,
    measure: &Measure,
    show: Show,
) -> Result<Outcome> {
    let mut scenario = Scenario::load(path)?;
    if let Some(linux) = linux {
        scenario.linux = Some(linux.to_owned());
    }
    play_loaded(path, scenario, kernel, measure, show)
}

/// The same for a scenario that was read from `path`.
pub fn play_loaded(
    path: &Path,
    mut scenario: Scenario,
    kernel: &Kernel,
    measure: &Measure,
    show: Show,
) -> Result<Outcome> {
    let toolchain = Toolchain::from_environment()?;
    if scenario.board != kernel.board() {
        bail!(
            "{}: is for board '{}' (--board), not '{}'",
            path.display(),
            scenario.board,
            kernel.board()
        );
    }
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let before = match &scenario.flash.after {
        Some(before) => Some(play_before(&toolchain, before, &name, kernel, measure)?),
        None => None,
    };
    if show == Show::Timeline {
        say!("{}\n", scenario.about);
    }
    let workspace = Workspace::prepare(&toolchain, &mut scenario, &name, kernel)?;
    if let Some(before) = before {
        flash::take_over(&before, &workspace.machine.flash)?;
        let (system, banks) = (&workspace.system, &workspace.machine.flash);
        flash::damage(
            &kernel.board_file(&toolchain)?,
            system,
            banks,
            scenario.flash.damage,
        )?;
    }
    let outcome = session::run(&scenario, &workspace, kernel, measure.icount, show)?;
    if let Some(json) = &measure.json {
        session::write_json(json, &outcome.summary)?;
    }
    Ok(outcome)
}

/// Runs the scenario that leaves its flash to the scenario `name`. Returns the banks' files.
fn play_before(
    toolchain: &Toolchain,
    path: &Path,
    name: &str,
    kernel: &Kernel,
    measure: &Measure,
) -> Result<flash::Banks> {
    let mut scenario = Scenario::load(path)?;
    let name = format!("{name}-before");
    let workspace = Workspace::prepare(toolchain, &mut scenario, &name, kernel)?;
    let outcome = session::run(&scenario, &workspace, kernel, measure.icount, Show::Nothing)?;
    if !outcome.failures.is_empty() {
        bail!("{}: {}", path.display(), outcome.failures.join("; "));
    }
    let banks = workspace.machine.flash.clone();
    if banks.is_empty() {
        bail!("{}: its system has no flash", path.display());
    }
    Ok(banks)
}

fn verdict(what: &str, outcome: &Outcome) -> bool {
    for failure in &outcome.failures {
        say!("  - {failure}");
    }
    let passed = outcome.summary.passed;
    say!("{what}: {}", if passed { "passed" } else { "FAILED" });
    passed
}

fn write_to(path: &Path, content: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
    }
    fs::write(path, content).with_context(|| format!("{}: cannot be written", path.display()))
}
