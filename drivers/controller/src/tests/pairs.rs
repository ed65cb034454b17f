// SPDX-License-Identifier: BSD-2-Clause
//! Updates of driver and firmware together, in which one of the two fails, at each millisecond of the update in turn. Afterwards both are
//! old, or both new; and no value comes from a driver of one version and a firmware of the other meanwhile (`System`).

use molt_update::{Reason, Status};

use super::fake::{Fake, Fault, image, signed};
use super::system::{Broken, Fails, Pair, Since, Strike, System};

const OLD: u32 = 1;
const NEW: u32 = 2;
/// How long a transaction may take in ms, and how long until all is in order afterwards.
const IN_TIME: u64 = 90_000;
const SETTLED: u64 = 60_000;
/// So many milliseconds after the end, a driver fails too.
const AFTER: u64 = 20;

/// How a driver may fail. In a real system the last one is found by what it counts, the one before by its heartbeat.
const FAILURES: [Fails; 4] = [
    Fails::For(Reason::Fault),
    Fails::For(Reason::QueueViolation),
    Fails::Hangs,
    Fails::Errs,
];

fn until(
    system: &mut System,
    what: &str,
    limit: u64,
    holds: impl Fn(&System) -> bool,
) -> Result<(), Broken> {
    for _ in 0..limit {
        if holds(system) {
            return Ok(());
        }
        system.tick()?;
    }
    Err(format!("not in time: {what}"))
}

/// The old pair runs and serves.
fn started() -> Result<System, Broken> {
    let mut system = System::new(Fake::new(&[image(OLD)]), image(OLD));
    until(&mut system, "the first start", 1_000, |system| {
        system.is_idle() && system.values > 100
    })?;
    Ok(system)
}

/// Offers the new pair; how that ends.
fn offer(system: &mut System, firmware: &'static [u8]) -> Result<Status, Broken> {
    system.offer(Pair {
        driver: NEW,
        firmware,
    });
    until(system, "the end", IN_TIME, |system| system.ended.is_some())?;
    system
        .ended
        .map(|(status, _)| status)
        .ok_or_else(|| "no end".into())
}

/// Soon driver and firmware are both of this version, and stay so when the controller's power goes.
fn both(system: &mut System, version: u32) -> Result<(), Broken> {
    let right = |system: &System| {
        system.driver() == Some(version)
            && system.committed() == Pair::from(image(version))
            && system.rig.fake.0.borrow().image == image(version)
    };
    until(system, "an image that serves", SETTLED, System::is_idle)?;
    for _ in 0..2 {
        (0..1_500).try_for_each(|_| system.tick())?;
        if !right(system) {
            let runs = system.rig.version();
            return Err(format!(
                "driver {:?} and firmware {runs} run, of which {version} was to be left",
                system.driver()
            ));
        }
        let values = system.values;
        until(system, "a value", 1_000, |system| system.values > values)?;
        if system.shown.last() != Some(&version) {
            return Err(format!("the values show {:?}", system.shown));
        }
        system.rig.fake.0.borrow_mut().power_cycle();
    }
    until(system, "an image that serves", SETTLED, System::is_idle)
}

/// An update with this fault; how it has ended. Without the fault it is committed then.
fn update(
    firmware: &'static [u8],
    strikes: &[Strike],
    fault: Option<Fault>,
) -> Result<Status, Broken> {
    let mut system = started()?;
    system.strikes = strikes.to_vec();
    system.rig.fake.0.borrow_mut().fault = fault.map(|fault| (NEW, fault));
    let end = offer(&mut system, firmware)?;
    until(
        &mut system,
        "an image that serves",
        SETTLED,
        System::is_idle,
    )?;
    system.strikes.clear();
    system.rig.fake.0.borrow_mut().fault = None;
    if end == Status::Committed {
        both(&mut system, NEW)?;
        return Ok(end);
    }
    both(&mut system, OLD)?;
    match offer(&mut system, image(NEW))? {
        Status::Committed => both(&mut system, NEW)?,
        other => return Err(format!("a second time, without a fault: {other:?}")),
    }
    Ok(end)
}

/// How long, in ms, the parts of an update without a fault take.
struct Sound {
    /// From the offer to the grant.
    transfer: u64,
    /// From the grant to the end.
    exchange: u64,
    /// From the start of the new firmware to the end.
    trial: u64,
}

fn sound() -> Sound {
    let mut system = started().unwrap();
    assert_eq!(offer(&mut system, image(NEW)), Ok(Status::Committed));
    let [granted] = system.granted_at[..] else {
        panic!("one generation, not {:?}", system.granted_at);
    };
    let since = system.rig.fake.0.borrow().since();
    let sound = Sound {
        transfer: granted - system.offered_at,
        exchange: system.ended_at - granted,
        trial: system.ended_at - since,
    };
    assert_eq!(both(&mut system, NEW), Ok(()));
    sound
}

#[track_caller]
fn ends(what: &str, end: Result<Status, Broken>, ways: &[Status]) -> Status {
    match end {
        Ok(status) if ways.contains(&status) => status,
        other => panic!("{what}: {other:?}"),
    }
}

#[test]
fn a_new_driver_that_fails_at_any_step_is_taken_back_with_its_firmware() {
    let Sound { exchange, .. } = sound();
    for fails in FAILURES {
        for ms in 0..exchange + AFTER {
            let (end, times) = match ms <= exchange {
                true => (Status::RolledBack, u32::MAX),
                // One that is committed, and fails then, is started again.
                false => (Status::Committed, 1),
            };
            let strike = Strike {
                driver: NEW,
                since: Since::Grant,
                ms,
                fails,
                times,
            };
            let ended = update(image(NEW), &[strike], None);
            ends(&format!("{strike:?}"), ended, &[end]);
        }
    }
}

#[test]
fn a_new_firmware_that_fails_at_any_step_is_taken_back_with_its_driver() {
    let Sound { trial, .. } = sound();
    let values = [i64::MIN, 0, 29_999, 30_001, i64::MAX].map(Fault::Nonsense);
    let timed = (0..=trial).flat_map(|ms| [Fault::Crashes(ms), Fault::Hangs(ms)]);
    for fault in values.into_iter().chain([Fault::NoSensors]).chain(timed) {
        let end = update(image(NEW), &[], Some(fault));
        ends(&format!("{fault:?}"), end, &[Status::RolledBack]);
    }
    let end = update(signed(NEW, [8; 32]), &[], None);
    ends("a wrong signature", end, &[Status::Refused]);
}

#[test]
fn an_old_driver_that_fails_at_any_step_of_the_transfer_leaves_both_old_or_both_new() {
    let Sound { transfer, .. } = sound();
    let mut left = [0; 2];
    for fails in FAILURES {
        for ms in 0..transfer {
            let strike = Strike {
                driver: OLD,
                since: Since::Transfer,
                ms,
                fails,
                times: 1,
            };
            let end = update(image(NEW), &[strike], None);
            let ways = [Status::Refused, Status::RolledBack, Status::Committed];
            let end = ends(&format!("{strike:?}"), end, &ways);
            left[usize::from(end == Status::Committed)] += 1;
        }
    }
    assert!(left[0] > 0, "{left:?}");
}

#[test]
fn an_old_driver_that_fails_at_any_step_of_the_way_back_is_started_again_with_its_firmware() {
    let Sound { exchange, .. } = sound();
    let new = Strike {
        driver: NEW,
        since: Since::Grant,
        ms: exchange - 1,
        fails: Fails::For(Reason::Fault),
        times: u32::MAX,
    };
    for fails in FAILURES {
        for ms in 0..exchange {
            let old = Strike {
                driver: OLD,
                ms,
                fails,
                times: 1,
                ..new
            };
            let end = update(image(NEW), &[new, old], None);
            ends(&format!("{old:?}"), end, &[Status::RolledBack]);
        }
    }
}
