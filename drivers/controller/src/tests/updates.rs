// SPDX-License-Identifier: BSD-2-Clause
//! Whole updates of the firmware, each with a fault whose kind and time a seed chooses.
//!
//! Real are the machine that decides (`molt-update`), the driver, the line's protocol, and what the controller does with its
//! flash and its requests. The line, the flash and the time are models.
//!
//! `MOLT_RUNS` and `MOLT_SEED` choose how many seeds are run for each fault, and the first one.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use molt_controller_banks::model::Tear;
use molt_update::{Reason, Status};

use super::fake::{Fake, Fault, image, signed};
use super::system::{Broken, System};

/// Seeds for each fault.
const RUNS: u64 = 100;
/// How long a transaction may take in ms: the sum of the machine's limits, those of a rollback included.
const IN_TIME: u64 = 30_000 + (300 + 20_000 + 8_000) + (300 + 20_000 + 30_000);
/// How long it may take in ms until all is in order, once there are no faults any more.
const SETTLED: u64 = 60_000;

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
enum Wrong {
    Signature,
    CrashesAtStart,
    Hangs,
    Nonsense,
    LineCut,
    PowerCuts,
    GarbledLine,
}

impl Wrong {
    /// Whether the firmware itself is as it should be.
    fn leaves_the_image(self) -> bool {
        matches!(self, Self::LineCut | Self::PowerCuts | Self::GarbledLine)
    }
}

/// How an update has ended.
type End = (Status, Reason);

/// Something that happens to the controller once the host has sent so many bytes.
#[derive(Clone, Copy, Debug)]
enum Sudden {
    /// For so many milliseconds nothing passes.
    Cut(u64),
    PowerCycle,
}

struct Run {
    system: System,
    /// The images that the controller may run.
    whole: Vec<&'static [u8]>,
    sudden: Option<(usize, Sudden)>,
    /// When a line that is cut is whole again.
    mended: u64,
}

impl Run {
    /// A millisecond.
    fn tick(&mut self) -> Result<(), Broken> {
        self.system.tick()?;
        let mut world = self.system.rig.fake.0.borrow_mut();
        match self.sudden {
            Some((at, what)) if at <= world.sent => {
                self.sudden = None;
                match what {
                    Sudden::Cut(length) => (world.cut, self.mended) = (true, world.now + length),
                    Sudden::PowerCycle => world.power_cycle(),
                }
            }
            _ => world.cut &= self.mended > world.now,
        }
        match self.whole.contains(&&world.image[..]) {
            true => Ok(()),
            false => Err("the controller runs neither the old firmware nor the new one".into()),
        }
    }

    fn wait(&mut self, ms: u64) -> Result<(), Broken> {
        (0..ms).try_for_each(|_| self.tick())
    }

    /// Until this holds.
    fn until(
        &mut self,
        what: &str,
        limit: u64,
        holds: impl Fn(&System) -> bool,
    ) -> Result<(), Broken> {
        for _ in 0..limit {
            if holds(&self.system) {
                return Ok(());
            }
            self.tick()?;
        }
        Err(format!("not in time: {what}"))
    }

    /// Offers the firmware; how the transaction ends.
    fn offer(&mut self, firmware: &'static [u8]) -> Result<End, Broken> {
        self.system.offer(firmware);
        self.until("the transaction's end", IN_TIME, |system| {
            system.ended.is_some()
        })?;
        self.system.ended.ok_or_else(|| "no end".into())
    }

    /// Ends what is wrong with the line and the power.
    fn mend(&mut self) {
        (self.sudden, self.mended) = (None, 0);
        let mut world = self.system.rig.fake.0.borrow_mut();
        (world.one_in, world.lost_in) = (0, 0);
        world.cuts.clear();
    }
}

/// An update with this fault; how it has ended.
fn update(wrong: Wrong, seed: u64) -> Result<End, Broken> {
    let mut random = Rng::with_seed(seed);
    let (old, mut new) = (image(1), image(2));
    let mut whole = vec![old, new];
    if let Wrong::Signature = wrong {
        new = signed(2, [8; 32]);
        whole = vec![old];
    }
    let mut run = Run {
        system: System::new(Fake::new(&[old]), old),
        whole,
        sudden: None,
        mended: 0,
    };
    run.until("the first start", 1_000, |system| {
        system.is_idle() && system.values > 100
    })?;
    strike(wrong, &mut random, &mut run);
    let end = run.offer(new)?;
    // What comes afterwards, such as the confirmation of the new image, is disturbed too.
    run.wait(500)?;
    run.mend();
    settled(&mut run, end)?;
    if end.0 != Status::Committed && wrong.leaves_the_image() {
        let again = run.offer(new)?;
        if again.0 != Status::Committed {
            return Err(format!("a second time, without a fault: {again:?}"));
        }
        settled(&mut run, again)?;
    }
    let errors = run.system.errors;
    // What the line has lost for five seconds is answered with an error.
    if errors > 0 && !matches!(wrong, Wrong::LineCut) {
        return Err(format!("{errors} reads were answered with an error"));
    }
    Ok(end)
}

/// Has the fault happen, soon or at once.
fn strike(wrong: Wrong, random: &mut Rng, run: &mut Run) {
    let mut world = run.system.rig.fake.0.borrow_mut();
    world.random = random.fork();
    // An undisturbed update sends some 7,000 bytes, reads included.
    let sent = world.sent;
    let at = sent + random.usize(0..7_000);
    match wrong {
        Wrong::Signature => {}
        Wrong::CrashesAtStart => world.fault = Some((2, Fault::Crashes(random.u64(0..10)))),
        Wrong::Hangs => world.fault = Some((2, Fault::Hangs(random.u64(0..10)))),
        Wrong::Nonsense => {
            let values = [
                i64::MIN,
                -1,
                0,
                29_999,
                30_009,
                8_999,
                1_000_000_000,
                i64::MAX,
            ];
            let value = random.choice(values).unwrap_or_default();
            world.fault = Some((2, Fault::Nonsense(value)));
        }
        Wrong::LineCut => {
            let longest = random.choice([100, 5_000, 40_000]).unwrap_or(1);
            run.sudden = Some((at, Sudden::Cut(random.u64(1..longest))));
        }
        Wrong::PowerCuts => {
            // From the first byte of a transfer to the confirmation there are some 30 operations.
            for _ in 0..random.u32(1..4) {
                let tear = random.choice(Tear::ALL).unwrap_or(Tear::Half);
                world.cuts.push((random.u32(0..30), tear));
            }
            world.power_cycle();
            run.sudden = Some((at, Sudden::PowerCycle));
        }
        Wrong::GarbledLine => {
            world.one_in = random.u32(100..4_000);
            world.lost_in = random.u32(200..4_000);
        }
    }
}

/// There are no faults any more: soon the committed image's firmware runs, confirmed, and everybody is served.
fn settled(run: &mut Run, end: End) -> Result<(), Broken> {
    run.until("an image that serves", SETTLED, System::is_idle)?;
    run.wait(1_000)?;
    run.until("an image that serves", SETTLED, System::is_idle)?;
    let committed = run.system.committed().firmware;
    let version = match end.0 {
        Status::Committed => 2,
        _ => 1,
    };
    if committed != image(version) {
        return Err("what is committed is not what the client was told".into());
    }
    // It does not go back with the power either: the generation has nothing to do for it.
    let newest = run.system.machine.newest();
    run.system.rig.fake.0.borrow_mut().power_cycle();
    run.wait(1_500)?;
    if run.system.machine.newest() != newest {
        return Err("the image that is committed was not confirmed".into());
    }
    if run.system.rig.fake.0.borrow().image != committed {
        return Err("the controller runs another image than the committed one".into());
    }
    let (values, shown) = (run.system.values, &run.system.shown);
    if shown.last() != Some(&version) || shown.len() > 3 {
        return Err(format!("the values show the versions {shown:?}"));
    }
    run.wait(100)?;
    match run.system.values > values {
        true => Ok(()),
        false => Err("nobody is served any more".into()),
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    let asked = std::env::var(name).ok();
    asked.and_then(|n| n.parse().ok()).unwrap_or(otherwise)
}

/// Updates with this fault, each of which ends in one of these ways; returns those that have occurred.
fn updates(wrong: Wrong, ways: &[Status]) -> BTreeSet<&'static str> {
    let (runs, first) = (number("MOLT_RUNS", RUNS), number("MOLT_SEED", 1));
    let mut ends = BTreeMap::new();
    for seed in first..first + runs {
        match update(wrong, seed) {
            Ok((status, reason)) if ways.contains(&status) => {
                *ends.entry((status.text(), reason.word())).or_insert(0) += 1;
            }
            other => panic!("{wrong:?}, MOLT_RUNS=1 MOLT_SEED={seed}: {other:?}"),
        }
    }
    println!("{wrong:?}, {runs} seeds from {first}: {ends:?}");
    ends.keys().map(|(status, _)| *status).collect()
}

const ANY: &[Status] = &[Status::Committed, Status::Refused, Status::RolledBack];

#[test]
fn a_firmware_with_a_wrong_signature_is_refused_by_the_controller() {
    updates(Wrong::Signature, &[Status::Refused]);
}

#[test]
fn a_firmware_that_crashes_at_its_start_is_rolled_back() {
    updates(Wrong::CrashesAtStart, &[Status::RolledBack]);
}

#[test]
fn a_firmware_that_hangs_after_the_switch_is_rolled_back() {
    updates(Wrong::Hangs, &[Status::RolledBack]);
}

#[test]
fn a_firmware_that_answers_nonsense_is_rolled_back_and_nobody_reads_it() {
    updates(Wrong::Nonsense, &[Status::RolledBack]);
}

#[test]
fn a_cut_of_the_line_leaves_the_old_firmware_or_the_new_one() {
    let ends = updates(Wrong::LineCut, ANY);
    // Of a hundred cuts some last longer than a transfer waits.
    assert!(
        number("MOLT_RUNS", RUNS) < RUNS || ends.contains(Status::Refused.text()),
        "{ends:?}"
    );
}

#[test]
fn a_cut_of_the_controller_s_power_leaves_the_old_firmware_or_the_new_one() {
    updates(Wrong::PowerCuts, ANY);
}

#[test]
fn a_garbled_line_leaves_the_old_firmware_or_the_new_one() {
    updates(Wrong::GarbledLine, ANY);
}
