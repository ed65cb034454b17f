// SPDX-License-Identifier: BSD-2-Clause
//! Each test starts a new controller.

use std::time::Instant;

use anyhow::{Result, bail, ensure};
use molt_controller::{ClientError, Step};
use molt_firmware::Refusal;
use molt_link::{Sensor, State};
use molt_qemu::Garble;

use super::bench::{Bench, given};

/// A whole update, and the start after it.
pub fn update(bench: &Bench) -> Result<String> {
    let mut bed = bench.start(Some(&bench.one), None)?;
    let before = bed.runs(&bench.one, State::Confirmed)?;
    bed.shows(1)?;
    let start = Instant::now();
    let mut values = Vec::new();
    bed.client.transfer(&bench.two, |step| {
        if let Step::Read(sensor, value) = step {
            values.push((sensor, value));
        }
    })?;
    let transferred = start.elapsed();
    for (sensor, value) in &values {
        given(*sensor, *value, 1)?;
    }
    ensure!(!values.is_empty(), "no sensor was read during the transfer");
    bed.shows(1)?;
    let start = Instant::now();
    let trial = bed.client.activate(1)?;
    let activated = start.elapsed();
    ensure!(
        trial.state == State::Trial && trial.version == 2,
        "{trial:?}"
    );
    bed.shows(2)?;
    bed.confirm(&bench.two)?;
    // An answer may be lost: the second time changes nothing.
    bed.confirm(&bench.two)?;
    ensure!(
        bed.confirm(&bench.one).is_err(),
        "what does not run was confirmed"
    );
    bed.activate(1)?;
    bed.runs(&bench.two, State::Confirmed)?;
    bed.power_cycle()?;
    let after = bed.runs(&bench.two, State::Confirmed)?;
    bed.shows(2)?;
    ensure!(
        after.boots == before.boots + 2
            && bed.client.read(Sensor::Boots)? == i64::from(after.boots),
        "{} starts, then {}",
        before.boots,
        after.boots
    );
    Ok(format!(
        "{} bytes in {transferred:.1?} with {} values read, activated in {activated:.1?}",
        bench.two.len(),
        values.len()
    ))
}

/// Without a confirmation the next start goes back, and what was transferred can be activated again.
pub fn unconfirmed(bench: &Bench) -> Result<String> {
    let mut bed = bench.start(Some(&bench.one), None)?;
    bed.put(&bench.two)?;
    bed.runs(&bench.two, State::Trial)?;
    // The other bank is what it goes back to.
    refused(bed.client.transfer(&bench.one, |_| ()), Refusal::Trial)?;
    bed.power_cycle()?;
    bed.runs(&bench.one, State::Confirmed)?;
    bed.activate(1)?;
    bed.runs(&bench.two, State::Trial)?;
    bed.activate(0)?;
    bed.runs(&bench.one, State::Confirmed)?;
    bed.shows(1)?;
    Ok("by a power cycle and when told to".to_owned())
}

/// Two images that never answer.
pub fn faulty(bench: &Bench) -> Result<String> {
    let mut seen = Vec::new();
    for (name, image) in [("faults", &bench.faults), ("hangs", &bench.hangs)] {
        let mut bed = bench.start(Some(&bench.one), None)?;
        let start = Instant::now();
        bed.put(image)?;
        let identity = bed.runs(&bench.one, State::Confirmed)?;
        ensure!(identity.boots == 3, "{name}: {} starts", identity.boots);
        bed.shows(1)?;
        seen.push(format!("{name}: back after {:.1?}", start.elapsed()));
    }
    Ok(seen.join(", "))
}

/// It answers, with values that no firmware gives.
pub fn nonsense(bench: &Bench) -> Result<String> {
    let mut bed = bench.start(Some(&bench.one), None)?;
    bed.put(&bench.nonsense)?;
    bed.runs(&bench.nonsense, State::Trial)?;
    ensure!(bed.shows(2).is_err(), "its values are like others");
    bed.activate(0)?;
    bed.runs(&bench.one, State::Confirmed)?;
    bed.shows(1)?;
    Ok("and goes back when told to".to_owned())
}

/// It is refused at the transfer's end, and cannot be activated.
pub fn foreign(bench: &Bench) -> Result<String> {
    let mut bed = bench.start(Some(&bench.one), None)?;
    refused(
        bed.client.transfer(&bench.foreign, |_| ()),
        Refusal::Signature,
    )?;
    let mut garbage = bench.two.clone();
    garbage[5000] ^= 1;
    refused(bed.client.transfer(&garbage, |_| ()), Refusal::Payload)?;
    refused(
        bed.client.transfer(&bench.two[..5000], |_| ()),
        Refusal::Payload,
    )?;
    ensure!(bed.activate(1).is_err(), "it was activated");
    bed.power_cycle()?;
    bed.runs(&bench.one, State::Confirmed)?;
    Ok(Refusal::Signature.to_string())
}

/// After a release with a higher counter was confirmed, none with a lower one is accepted.
pub fn older(bench: &Bench) -> Result<String> {
    let mut bed = bench.start(Some(&bench.one), None)?;
    bed.put(&bench.newer)?;
    // Not yet: the trial may fail.
    bed.activate(0)?;
    bed.runs(&bench.one, State::Confirmed)?;
    bed.put(&bench.newer)?;
    bed.runs(&bench.newer, State::Trial)?;
    bed.confirm(&bench.newer)?;
    ensure!(bed.activate(0).is_err(), "the older one was activated");
    refused(bed.client.transfer(&bench.two, |_| ()), Refusal::Counter)?;
    bed.power_cycle()?;
    let identity = bed.runs(&bench.newer, State::Confirmed)?;
    ensure!(identity.counter == 2, "{identity:?}");
    Ok(Refusal::Counter.to_string())
}

/// Retransmission on a line that is worse than any that is used.
pub fn garbled(bench: &Bench) -> Result<String> {
    let mut seen = Vec::new();
    for (seed, one_in) in [(1, 50_000), (2, 20_000), (3, 10_000)] {
        let garble = Garble { one_in, seed };
        let mut bed = bench.start(Some(&bench.one), Some(garble))?;
        let start = Instant::now();
        bed.put(&bench.two)?;
        bed.runs(&bench.two, State::Trial)?;
        bed.shows(2)?;
        bed.confirm(&bench.two)?;
        bed.runs(&bench.two, State::Confirmed)?;
        seen.push(format!("1 bit in {one_in}: {:.1?}", start.elapsed()));
    }
    Ok(seen.join(", "))
}

/// The boot loader takes the first one.
pub fn empty(bench: &Bench) -> Result<String> {
    let mut bed = bench.start(None, None)?;
    let identity = bed.identify()?;
    ensure!(identity.running.is_none(), "{identity:?}");
    refused(bed.client.read(Sensor::Inlet), Refusal::NoFirmware)?;
    bed.client.transfer(&bench.two, |_| ())?;
    bed.activate(0)?;
    bed.runs(&bench.two, State::Trial)?;
    bed.confirm(&bench.two)?;
    bed.power_cycle()?;
    bed.runs(&bench.two, State::Confirmed)?;
    bed.shows(2)?;
    Ok("into the first bank".to_owned())
}

fn refused<T>(result: Result<T, ClientError>, wanted: Refusal) -> Result<()> {
    match result {
        Err(ClientError::Refused(refusal)) if refusal == wanted => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => bail!("it was not refused"),
    }
}
