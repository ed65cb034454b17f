// SPDX-License-Identifier: BSD-2-Clause
//! What is started, and the two steps by which it becomes another.

use molt_firmware::{Header, PublicKey, Refusal};

use crate::{Examination, Fault, Flash, Log, Record, Trial};

/// The image that is to be entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its bank.
    pub bank: u8,
    /// What it says of itself, with a signature that is right.
    pub header: Header,
    /// It is on trial: the next start goes back.
    pub trial: bool,
}

/// The decision of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// What is to be entered. If there is no image that can be run, the boot loader stays and waits for one on the line.
    pub run: Option<Run>,
    /// How often the controller was started, this one included. It is in the log, if the flash can be written.
    pub boots: u32,
}

/// Decides what a start runs, and writes the decision to the log before it returns.
///
/// A trial is made once. After it, and without one, the confirmed image is run; if it is damaged, which no cut of the power can
/// do, the other one, if there is one that can be run.
///
/// # Errors
/// The flash cannot be read.
pub fn start(flash: &mut impl Flash, key: &PublicKey) -> Result<Start, Fault> {
    let mut log = Log::open(flash)?;
    let before = *log.record();
    let boots = before.boots.saturating_add(1);
    if let Some(Trial {
        bank,
        started: false,
    }) = before.trial
        && let Ok(header) = Examination::whole(flash, bank, before.counter, key)
    {
        let started = Some(Trial {
            bank,
            started: true,
        });
        let record = Record {
            trial: started,
            boots,
            ..before
        };
        // Without the record the trial could be made again and again.
        if log.append(flash, record).is_ok() {
            let trial = true;
            let run = Some(Run {
                bank,
                header,
                trial,
            });
            return Ok(Start { run, boots });
        }
    }
    // A new flash has images that the factory put there. In one that was started from before, an image that was never confirmed
    // is not run without a trial.
    let candidates = match before.confirmed {
        Some(bank) => [Some(bank), Some(1 - bank)],
        None if log.is_new() => [Some(0), Some(1)],
        None => [None, None],
    };
    let mut run = None;
    for bank in candidates.into_iter().flatten() {
        if let Ok(header) = Examination::whole(flash, bank, before.counter, key) {
            let trial = false;
            run = Some(Run {
                bank,
                header,
                trial,
            });
            break;
        }
    }
    let record = Record {
        confirmed: run.map_or(before.confirmed, |run| Some(run.bank)),
        trial: None,
        counter: run.map_or(0, |run| run.header.counter).max(before.counter),
        boots,
    };
    // A flash that cannot be written any more can still be started from.
    let _ = log.append(flash, record);
    Ok(Start { run, boots })
}

/// What the last start has decided, as the program that it has entered finds it in the log.
///
/// # Errors
/// The flash cannot be read.
pub fn started(flash: &mut impl Flash) -> Result<Start, Fault> {
    let record = *Log::open(flash)?.record();
    let trial = record.trial.filter(|trial| trial.started);
    let bank = trial.map(|trial| trial.bank).or(record.confirmed);
    // It was checked before it was entered.
    let run = bank.and_then(|bank| {
        let examination = Examination::begin(flash, bank, 0).ok()?;
        Some(Run {
            bank,
            header: *examination.header(),
            trial: trial.is_some(),
        })
    });
    let boots = record.boots;
    Ok(Start { run, boots })
}

/// Has the next start run this bank: on trial, unless it is the confirmed one.
///
/// # Errors
/// Its image cannot be run: [`Refusal::Bank`]; or the flash failed.
pub fn activate(
    flash: &mut impl Flash,
    log: &mut Log,
    bank: u8,
    key: &PublicKey,
) -> Result<(), Refusal> {
    let before = *log.record();
    Examination::whole(flash, bank, before.counter, key).map_err(|refusal| match refusal {
        Refusal::Flash | Refusal::Counter => refusal,
        _ => Refusal::Bank,
    })?;
    let started = false;
    let trial = (before.confirmed != Some(bank)).then_some(Trial { bank, started });
    log.append(flash, Record { trial, ..before })
}

/// Confirms the image that runs: it is the one that is started from now on, and no image with a lower security counter is
/// accepted any more. Does nothing if it was confirmed already.
///
/// # Errors
/// The flash failed.
pub fn confirm(flash: &mut impl Flash, log: &mut Log, running: &Run) -> Result<(), Refusal> {
    let before = *log.record();
    let record = Record {
        confirmed: Some(running.bank),
        trial: None,
        counter: before.counter.max(running.header.counter),
        ..before
    };
    if record == before {
        return Ok(());
    }
    log.append(flash, record)
}
