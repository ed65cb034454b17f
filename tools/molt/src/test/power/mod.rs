// SPDX-License-Identifier: BSD-2-Clause
//! The power is cut at random: QEMU is killed during a run and started again with the flash bank and the disk that the cut has
//! left.
//!
//! Half of the cuts are at any time of a run, the start included. The other half are soon after the first probation, which is
//! when a bundle and its record are written. After each cut the bank and the disk are looked at, and each start has to run
//! what was committed. When everything is committed, the next start gets an erased bank and disk.

mod bank;
mod cut;
mod disk;

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use molt_qemu::{Clock, Disk, End};

use super::count::Count;
use crate::flash;
use crate::kernel::{EMBEDDED_BOARD, Kernel};
use crate::output::{complain, say};
use crate::scenario::Scenario;
use crate::session;
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;
use bank::Known;
use cut::{Cut, When};

const SCENARIO: &str = "tests/power/cuts.toml";
/// Cuts of a test run.
const SHORT: usize = 5;
/// Cuts of a long one.
const LONG: usize = 200;
/// The longest time from a probation to a cut after it.
const AFTER_PROBATION: Duration = Duration::from_millis(500);
/// A run that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(180);

/// Cuts the power, as one test.
pub fn run(
    toolchain: &Toolchain,
    kernel: &Kernel,
    filter: Option<&str>,
    long: bool,
) -> Result<Count> {
    let cuts = if long { LONG } else { SHORT };
    let name = format!("power cut at random {cuts} times");
    if filter.is_some_and(|filter| !name.contains(filter)) {
        return Ok(Count::default());
    }
    if kernel.board() != EMBEDDED_BOARD {
        say!("skip   {name}: the system is for {EMBEDDED_BOARD}");
        return Ok(Count::SKIPPED);
    }
    let passed = match Power::prepare(toolchain, kernel)?.cut(cuts) {
        Ok(seen) => {
            say!("ok     {name}: {seen}");
            true
        }
        Err(error) => {
            say!("FAILED {name}: {error:#}");
            false
        }
    };
    Ok(Count::of(passed))
}

/// What happened at the starts after the cuts.
#[derive(Default)]
struct Seen {
    done: usize,
    committed: usize,
    factory: usize,
    /// Started with a commit of which nobody had been told.
    untold: usize,
    torn: usize,
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "then {} starts with a committed image ({} of them with one that was written and not yet acknowledged), {} with the factory's, {} unfinished records skipped",
            self.committed, self.untold, self.factory, self.torn
        )
    }
}

/// The system, and what is left of the last run.
struct Power {
    workspace: Workspace,
    /// The sequence number of the last bundle that is offered.
    last: u64,
    known: Known,
    seen: Seen,
}

impl Power {
    fn prepare(toolchain: &Toolchain, kernel: &Kernel) -> Result<Self> {
        let mut scenario = Scenario::load(&toolchain.root().join(SCENARIO))?;
        let mut workspace = Workspace::prepare(toolchain, &mut scenario, "power-cuts", kernel)?;
        let board = kernel.board_file(toolchain)?;
        workspace.machine.limit = LIMIT;
        // By the count of instructions no deadline is missed because the host is busy.
        if kernel.counts_instructions(&board) {
            workspace.machine.clock = Clock::Instructions;
        }
        let last = |bundle: &crate::scenario::BundleSource| bundle.sequence + bundle.repeat - 1;
        Ok(Self {
            workspace,
            last: scenario.bundles.iter().map(last).max().unwrap_or(0),
            known: Known::default(),
            seen: Seen::default(),
        })
    }

    /// Makes so many cuts, and a run to the end.
    fn cut(mut self, cuts: usize) -> Result<Seen> {
        let whole = self.uncut().context("the run before all cuts")?;
        self.renew()?;
        let mut random = fastrand::Rng::new();
        let (seed, mut runs) = (random.get_seed(), 0);
        while self.seen.done < cuts {
            runs += 1;
            ensure!(
                runs <= 3 * cuts,
                "most runs ended before they were to be cut"
            );
            let when = match random.bool() {
                true => When::At(whole.mul_f64(random.f64())),
                false => When::AfterProbation(AFTER_PROBATION.mul_f64(random.f64())),
            };
            let folder = self.workspace.directory.display();
            let place = format!(
                "run {runs} of seed {seed}, {when:?}; {folder} has the bank, the disk and the console"
            );
            self.one(when).context(place)?;
            if runs % 20 == 0 {
                complain!("molt: {} of {cuts} power cuts", self.seen.done);
            }
        }
        self.uncut().context("the run after all cuts")?;
        Ok(self.seen)
    }

    /// A run that is cut.
    fn one(&mut self, when: When) -> Result<()> {
        let mut cut = self.observer(when)?;
        let end = molt_qemu::run(&self.workspace.machine, &mut cut)?;
        self.look(&mut cut)?;
        match end {
            End::Stopped if cut.is_cut() => self.seen.done += 1,
            End::Stopped => {}
            End::Exited { code } => bail!("QEMU ended by itself ({code:?})"),
            End::TimedOut => bail!("the system hangs"),
        }
        if self.known.told() == self.last {
            self.renew()?;
        }
        Ok(())
    }

    /// A run that is not cut: everything that is left is committed. Returns how long it took.
    fn uncut(&mut self) -> Result<Duration> {
        let mut cut = self.observer(When::Never)?;
        let end = molt_qemu::run(&self.workspace.machine, &mut cut)?;
        self.look(&mut cut)?;
        ensure!(
            end == End::Stopped,
            "the guests did not get to their end ({end:?})"
        );
        let told = self.known.told();
        ensure!(
            told == self.last,
            "the last bundle has number {}, and {told} is committed",
            self.last
        );
        Ok(cut.ended())
    }

    fn observer(&self, when: When) -> Result<Cut> {
        let log = self.workspace.directory.join("console.log");
        let log = fs::File::create(&log).with_context(|| format!("{}", log.display()))?;
        Ok(Cut::new(session::guests(&self.workspace.system), log, when))
    }

    /// Compares what was started with what is known, and looks at what is left.
    fn look(&mut self, cut: &mut Cut) -> Result<()> {
        cut.failures()?;
        if let Some(source) = cut.source()? {
            let before = self.known.told();
            let number = self.known.started(&source)?;
            let after_a_cut = self.seen.done > 0;
            self.seen.committed += usize::from(after_a_cut && number > 0);
            self.seen.factory += usize::from(after_a_cut && number == 0);
            self.seen.untold += usize::from(number > before);
        }
        self.known.follow(cut.sequences());
        for file in self.workspace.machine.flash.values() {
            self.seen.torn += self.known.bank(file)?;
        }
        if let Disk::File(file) = &self.workspace.machine.disk {
            disk::check(file, &self.workspace.system)?;
        }
        Ok(())
    }

    /// An erased bank and an empty disk.
    fn renew(&mut self) -> Result<()> {
        self.known = Known::default();
        for file in self.workspace.machine.flash.values() {
            flash::erase(file)?;
        }
        if let Disk::File(file) = &self.workspace.machine.disk {
            let bytes = fs::metadata(file)?.len();
            fs::File::create(file)?.set_len(bytes)?;
        }
        Ok(())
    }
}
