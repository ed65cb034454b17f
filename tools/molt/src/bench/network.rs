// SPDX-License-Identifier: BSD-2-Clause
//! The network: the time of a ping and the throughput of a stream over TCP that comes back, to the outside and between guests.
//! The outside is QEMU's own network, which answers in the host's time; the machine's clock counts instructions.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use molt_bench::{Rows, System};
use molt_profile::Profile;
use molt_qemu::{Clock, Machine, Observer, Step};

use super::console::Last;
use super::linux::Linux;
use super::profile::{Counting, What, answering};
use super::wanted::{NETWORK, Wanted};
use crate::kernel::Kernel;
use crate::progress;
use crate::scenario::Scenario;
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;

/// The scenario of each figure, in the order of [`NETWORK`].
const SCENARIOS: [&str; 4] = [
    "tests/measure/net-ping-outside.toml",
    "tests/measure/net-tcp-outside.toml",
    "tests/measure/net-ping-guests.toml",
    "tests/measure/net-tcp-guests.toml",
];
/// Figures that a Linux alone has too: it has nobody beside it.
const OUTSIDE: usize = 2;
/// The guest that is measured, whose kernel and initramfs a Linux alone gets.
const GUEST: &str = "linux";

/// Measures what is wanted, once, on Molt and (the outside) on the Linux alone.
pub fn run(
    toolchain: &Toolchain,
    kernel: &Kernel,
    wanted: &Wanted,
    alone: bool,
    molt: &System,
    rows: &mut Rows,
) -> Result<()> {
    for (index, (figure, file)) in NETWORK.into_iter().zip(SCENARIOS).enumerate() {
        if !wanted.has(figure) {
            continue;
        }
        let mut scenario = Scenario::load(&toolchain.root().join(file))?;
        let workspace = Workspace::prepare(toolchain, &mut scenario, "bench-network", kernel)?;
        let mut machine = workspace.machine.clone();
        if is_ping(figure) {
            machine.clock = Clock::InstructionsJumping;
            machine.plugin = Some(answering(toolchain)?);
        } else {
            machine.clock = Clock::Instructions;
        }
        machine.limit = Duration::from_secs(scenario.limit);
        let value = measure(&machine, figure, &kernel.label())?;
        rows.add(molt, [(figure.to_owned(), value)]);
        if !alone || index >= OUTSIDE {
            continue;
        }
        let board = kernel.board_file(toolchain)?;
        let Some(linux) = Linux::new(toolchain, &board, &workspace.directory)? else {
            continue;
        };
        let cmdline = cmdline(&workspace).with_context(|| format!("{file}: no guest '{GUEST}'"))?;
        let mut machine = Machine {
            devices: machine.devices,
            disk: machine.disk,
            clock: machine.clock,
            limit: machine.limit,
            plugin: machine.plugin,
            ..linux.machine(cmdline)?
        };
        // What only Molt's machine has.
        machine.flash.clear();
        let value = measure(&machine, figure, "the same Linux alone")?;
        rows.add(&linux.system(), [(figure.to_owned(), value)]);
    }
    Ok(())
}

/// Where the instructions go while a stream goes over TCP and comes back: of each 1,024 bytes.
pub fn profile(toolchain: &Toolchain, kernel: &Kernel, row: &str) -> Result<Profile> {
    let mut all = NETWORK.into_iter().zip(SCENARIOS);
    let scenario = all.find(|(figure, _)| figure.starts_with(row));
    let (_, file) = scenario.with_context(|| format!("{row}: no figure has such a name"))?;
    let mut scenario = Scenario::load(&toolchain.root().join(file))?;
    let counting = Counting::prepare(toolchain, kernel, &mut scenario, What::Marked(1))?;
    let line = result(&counting.machine, row, &kernel.label())?;
    let bytes = number(&line, "net_bytes").with_context(|| format!("{row}: {line}"))?;
    let counts = counting.counts(0)?;
    Ok(Profile::new(
        &counts,
        &counting.programs,
        bytes as u64 / 1024,
    ))
}

/// Whether QEMU's own network has the answer within the notification, so that idle time can be jumped over. The stream's echo is a
/// program of the host.
fn is_ping(figure: &str) -> bool {
    figure.ends_with("_us")
}

fn cmdline(workspace: &Workspace) -> Option<&str> {
    let mut machines = workspace
        .system
        .domains
        .iter()
        .filter_map(|d| d.machine.as_ref());
    let guest = machines
        .find(|machine| machine.name == GUEST)?
        .guest
        .as_ref()?;
    Some(&guest.cmdline)
}

/// Runs the machine until the load's result is there, and gives the figure.
fn measure(machine: &Machine, figure: &str, on: &str) -> Result<f64> {
    let line = result(machine, figure, on)?;
    let number = |key| number(&line, key).with_context(|| format!("{figure} on {on}: {line}"));
    if is_ping(figure) {
        return Ok(number("ping_ns")? / 1e3);
    }
    // Bytes in a nanosecond are 10^9 bytes in a second.
    Ok(number("net_bytes")? / number("tcp_ns")? * 1e3)
}

/// Runs the machine until the load has printed its result; that line.
fn result(machine: &Machine, figure: &str, on: &str) -> Result<String> {
    let step = progress::Step::start(format!("{figure} on {on}"));
    let mut reader = Reader::default();
    let end = molt_qemu::run(machine, &mut reader)?;
    step.done();
    let Some(line) = reader.result else {
        bail!(
            "{figure} on {on}: the load did not come to its end ({end:?}); the console's last lines:\n{}",
            reader.last.join()
        );
    };
    if number(&line, "errors")? > 0.0 {
        bail!("{figure} on {on}: the load has seen errors: {line}");
    }
    Ok(line)
}

/// A number of the load's line.
fn number(line: &str, key: &str) -> Result<f64> {
    let value = (line.split(' ')).find_map(|part| part.strip_prefix(key)?.strip_prefix('='));
    let number: Option<f64> = value.and_then(|value| value.parse().ok());
    number.with_context(|| format!("the load's line has no {key}"))
}

/// Waits for the load's line.
#[derive(Default)]
struct Reader {
    result: Option<String>,
    last: Last,
}

impl Observer for Reader {
    fn line(&mut self, _: Duration, line: &str) -> Step {
        let said = line
            .strip_prefix(GUEST)
            .map_or(line, |rest| rest.trim_start_matches(": "));
        if said.starts_with("result ") && said.contains(" ping_ns=") {
            self.result = Some(said.trim_end().to_owned());
            return Step::Stop;
        }
        self.last.push(line);
        Step::Continue
    }
}
