// SPDX-License-Identifier: BSD-2-Clause
//! The power is cut at random: QEMU is killed in the middle of updates from one version to the other and back, and started again
//! with the flash that the cut has left, while the client goes on.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use molt_controller::{Client, ClientError, Step};
use molt_link::{Identity, Request, State};
use molt_qemu::Running;

use super::bench::{Bench, digest, given};
use crate::output::complain;

/// The latest cuts come after the end of an update.
const LONGEST: f64 = 1.1;
/// How long the power is off.
const OFF: Duration = Duration::from_millis(10);
/// Attempts that an update may take with one cut in it.
const ATTEMPTS: usize = 6;

/// What is known of the controller.
struct Known<'a> {
    bench: &'a Bench,
    /// Starts that it has told.
    boots: u32,
    /// The version whose confirmation was answered last.
    confirmed: u32,
    /// One whose confirmation was asked for, and not answered.
    asked: Option<u32>,
    attempts: usize,
}

/// Makes so many cuts, each in an update from one version to the other.
pub fn run(bench: &Bench, cuts: usize) -> Result<String> {
    let mut bed = bench.start(Some(&bench.one), None)?;
    let mut random = fastrand::Rng::new();
    let seed = random.get_seed();
    let mut known = Known {
        bench,
        boots: 0,
        confirmed: 1,
        asked: None,
        attempts: 0,
    };
    bed.identify()?;
    let start = Instant::now();
    known.update(&mut bed.client)?;
    let whole = start.elapsed();
    for cut in 1..=cuts {
        let after = whole.mul_f64(random.f64() * LONGEST);
        let (running, client) = (&bed.running, &mut bed.client);
        let updated = thread::scope(|scope| {
            let cutter = scope.spawn(|| power_cut(running, after));
            let updated = known.update(client);
            match cutter.join() {
                Ok(cut) => cut.and(updated),
                Err(_) => bail!("the power does not come back"),
            }
        });
        updated.with_context(|| format!("cut {cut} of seed {seed}, after {after:.2?}"))?;
        if cut % 50 == 0 {
            complain!("molt: {cut} of {cuts} cuts of the controller's power");
        }
    }
    known.update(&mut bed.client).context("after all cuts")?;
    Ok(format!(
        "an update takes {whole:.1?} without one; {} attempts for {} updates, {} starts",
        known.attempts,
        cuts + 2,
        known.boots
    ))
}

fn power_cut(running: &Running, after: Duration) -> Result<()> {
    thread::sleep(after);
    running.power_off();
    thread::sleep(OFF);
    Ok(running.power_on()?)
}

/// Why an attempt has not come to its end.
enum Failed {
    /// The power was cut.
    Cut(ClientError),
    /// Something that must not be.
    Wrong(anyhow::Error),
}

impl From<ClientError> for Failed {
    fn from(error: ClientError) -> Self {
        Self::Cut(error)
    }
}

impl From<anyhow::Error> for Failed {
    fn from(error: anyhow::Error) -> Self {
        Self::Wrong(error)
    }
}

impl<'a> Known<'a> {
    /// Updates to the version that was not confirmed last, in as many attempts as it takes.
    fn update(&mut self, client: &mut Client) -> Result<()> {
        let target = 3 - self.confirmed;
        let mut last = None;
        for _ in 0..ATTEMPTS {
            self.attempts += 1;
            match self.attempt(client, target) {
                Ok(()) => return Ok(()),
                Err(Failed::Cut(error)) => last = Some(error),
                Err(Failed::Wrong(error)) => return Err(error),
            }
        }
        bail!("{ATTEMPTS} attempts for version {target}; the last one: {last:?}")
    }

    fn attempt(&mut self, client: &mut Client, target: u32) -> Result<(), Failed> {
        let image = self.image(target);
        let wanted = digest(image)?;
        let mut identity = client.identify()?;
        self.look(&identity)?;
        if identity.digest != wanted {
            let mut values = Vec::new();
            let changed = change(client, &identity, image, |step| {
                if let Step::Read(sensor, value) = step {
                    values.push((sensor, value));
                }
            });
            // A cut during a trial has put the controller back.
            for (sensor, value) in values {
                given(sensor, value, 1).or_else(|_| given(sensor, value, 2))?;
            }
            identity = changed?;
            self.look(&identity)?;
        }
        self.asked = Some(target);
        client.ask(&Request::Confirm { digest: wanted })?;
        (self.confirmed, self.asked) = (target, None);
        self.look(&client.identify()?)?;
        Ok(())
    }

    /// What the controller says has to be possible.
    fn look(&mut self, identity: &Identity) -> Result<()> {
        ensure!(
            identity.boots >= self.boots,
            "the count of starts goes back from {} to {}",
            self.boots,
            identity.boots
        );
        self.boots = identity.boots;
        let version = identity.version;
        ensure!((1..=2).contains(&version), "nothing runs: {identity:?}");
        let whole = digest(self.image(version))?;
        ensure!(identity.digest == whole, "another image runs: {identity:?}");
        if identity.state == State::Confirmed {
            let possible = version == self.confirmed || self.asked == Some(version);
            ensure!(
                possible,
                "version {} was confirmed, and {version} runs",
                self.confirmed
            );
            // What the cut has left decides.
            (self.confirmed, self.asked) = (version, None);
        }
        Ok(())
    }

    fn image(&self, version: u32) -> &'a [u8] {
        if version == 1 {
            &self.bench.one
        } else {
            &self.bench.two
        }
    }
}

/// Transfers an image and activates it. Returns what the controller says then.
fn change(
    client: &mut Client,
    identity: &Identity,
    image: &[u8],
    report: impl FnMut(Step),
) -> Result<Identity, ClientError> {
    let bank = 1 - identity.running.unwrap_or(1);
    // During a trial of the version before, which is confirmed in the other bank, there is nothing to transfer.
    if identity.state == State::Confirmed {
        client.transfer(image, report)?;
    }
    client.activate(bank)
}
