// SPDX-License-Identifier: BSD-2-Clause
//! Loss of power at every operation of the flash during an update, and again during the start after it.

use molt_controller_banks::model::{Model, Tear};
use molt_controller_banks::{Examination, Log, Run, activate, begin, confirm, layout, start};
use molt_firmware::{Content, Digest, PublicKey, Refusal, parse, prefix};

const SEED: [u8; 32] = [7; 32];

fn key() -> PublicKey {
    let key = ed25519_dalek::SigningKey::from_bytes(&SEED);
    PublicKey::from_bytes(key.verifying_key().as_bytes()).unwrap()
}

/// An image of two sectors and a little more.
fn image(version: u32) -> Vec<u8> {
    let payload: Vec<u8> = (0..8400_u32).map(|n| (n * version) as u8).collect();
    let content = Content {
        version,
        counter: 1,
        load: layout::APPLICATION,
        entry: layout::APPLICATION,
        payload: &payload,
    };
    [&prefix(&content, &SEED)[..], &payload].concat()
}

fn digest(image: &[u8]) -> Digest {
    parse(image).unwrap().digest()
}

/// What was done, and whether it was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Nothing,
    ActivateBegun,
    Activated,
    TrialBegun,
    ConfirmBegun,
    Confirmed,
}

struct Bench {
    flash: Model,
    old: Vec<u8>,
    new: Vec<u8>,
    step: Step,
    boots: u32,
}

impl Bench {
    /// A controller that runs version 1 and was started so often before.
    fn new(starts: u32) -> Self {
        let mut flash = Model::default();
        let (old, new) = (image(1), image(2));
        flash.put(layout::BANKS[0], &old);
        let mut bench = Self {
            flash,
            old,
            new,
            step: Step::Nothing,
            boots: 0,
        };
        for _ in 0..starts {
            bench.start().unwrap();
        }
        bench
    }

    /// A start, if the power stays: checks that it runs what it has to.
    fn start(&mut self) -> Option<Run> {
        let start = start(&mut self.flash, &key());
        if self.flash.is_off() {
            return None;
        }
        let start = start.unwrap();
        let run = start.run.expect("there is always an image to run");
        let is_new = run.header.digest() == digest(&self.new);
        let image = if is_new { &self.new } else { &self.old };
        assert_eq!(run.header.digest(), digest(image));
        let at = layout::BANKS[usize::from(run.bank)] as usize;
        assert_eq!(self.flash.bytes()[at..at + image.len()], **image);
        assert!(start.boots > self.boots, "the count goes back");
        self.boots = start.boots;
        match self.step {
            Step::Nothing => assert!(!is_new, "what was not activated runs"),
            // The trial may have been made, and cut off.
            Step::ActivateBegun | Step::Activated => assert_eq!(run.trial, is_new),
            Step::TrialBegun => assert!(!is_new, "a second trial"),
            Step::ConfirmBegun => assert!(!run.trial),
            Step::Confirmed => assert!(is_new && !run.trial, "what was confirmed does not run"),
        }
        if run.trial {
            self.step = Step::TrialBegun;
        } else if self.step == Step::ConfirmBegun {
            // It was decided by what the cut has left, and stays so.
            self.step = if is_new {
                Step::Confirmed
            } else {
                Step::Nothing
            };
        }
        Some(run)
    }

    /// Goes on with the update from whatever runs, as a host would, until the power goes or version 2 is confirmed.
    fn update(&mut self) -> Option<()> {
        loop {
            let run = self.start()?;
            let mut log = Log::open(&mut self.flash).ok()?;
            if run.header.digest() == digest(&self.new) {
                self.step = self.step.max(Step::ConfirmBegun);
                confirm(&mut self.flash, &mut log, &run).ok()?;
                self.step = Step::Confirmed;
                assert_eq!(
                    log.record().trial,
                    None,
                    "the next start would go somewhere else"
                );
                return Some(());
            }
            self.step = Step::Nothing;
            let counter = log.record().counter;
            let other = 1 - run.bank;
            let held = Examination::whole(&mut self.flash, other, counter, &key());
            if held.map(|header| header.digest()) != Ok(digest(&self.new)) {
                self.transfer(&log, run.bank)?;
            }
            self.step = Step::ActivateBegun;
            activate(&mut self.flash, &mut log, other, &key()).ok()?;
            self.step = Step::Activated;
        }
    }

    fn transfer(&mut self, log: &Log, running: u8) -> Option<()> {
        let length = self.new.len() as u32;
        let mut transfer = begin(log, Some(running), length, digest(&self.new)).unwrap();
        for (n, part) in self.new.chunks(200).enumerate() {
            transfer.data(&mut self.flash, n as u32 * 200, part).ok()?;
        }
        assert!(transfer.is_complete());
        Some(())
    }
}

#[test]
fn without_a_cut_the_new_image_is_tried_and_confirmed() {
    let mut bench = Bench::new(1);
    bench.update().unwrap();
    assert_eq!(bench.step, Step::Confirmed);
    for _ in 0..300 {
        bench.start().unwrap();
    }
    assert_eq!(bench.boots, 303);
}

/// Starts before the update, so that the log's sectors change at each of its steps.
fn starts() -> impl Iterator<Item = u32> {
    [1, 124, 125, 126, 127, 128].into_iter()
}

#[test]
fn wherever_the_power_goes_a_whole_image_is_run() {
    let mut cuts = 0;
    for starts in starts() {
        let before = Bench::new(starts);
        let mut whole = Bench::new(starts);
        whole.flash.power_on(None, 0);
        whole.update().unwrap();
        for at in 1..=whole.flash.operations() {
            for (seed, tear) in Tear::ALL.into_iter().enumerate() {
                let mut bench = before.again();
                bench.flash.power_on(Some((at, tear)), seed as u64);
                assert!(bench.update().is_none() && bench.flash.is_off());
                cuts += 1;
                second_cut(&bench, at);
                bench.flash.power_on(None, 0);
                bench.update().expect("the update can be made after a cut");
                bench.start().unwrap();
            }
        }
    }
    println!("{cuts} cuts, each with a second one in each operation of the start after it");
}

/// A second cut in each operation of the start after the first one, in each way.
fn second_cut(first: &Bench, seed: u32) {
    for tear in Tear::ALL {
        for at in 1.. {
            let mut bench = first.again();
            bench
                .flash
                .power_on(Some((at, tear)), u64::from(seed * 7 + at));
            if bench.start().is_some() {
                break;
            }
            if bench.step == Step::ActivateBegun || bench.step == Step::Activated {
                // The trial's record may have been written before the cut: then the trial was made.
                let record = *Log::open(&mut bench.powered()).unwrap().record();
                if record.trial.is_none_or(|trial| trial.started) {
                    bench.step = Step::TrialBegun;
                }
            }
            bench.flash.power_on(None, 0);
            bench.start().unwrap();
            bench.start().unwrap();
        }
    }
}

impl Bench {
    fn again(&self) -> Self {
        Self {
            flash: self.flash.clone(),
            old: self.old.clone(),
            new: self.new.clone(),
            ..*self
        }
    }

    fn powered(&self) -> Model {
        let mut flash = self.flash.clone();
        flash.power_on(None, 0);
        flash
    }
}

#[test]
fn an_image_that_is_not_confirmed_goes_back_and_can_be_tried_again() {
    let mut bench = Bench::new(1);
    for _ in 0..3 {
        let run = bench.start().unwrap();
        assert!(!run.trial);
        let mut log = Log::open(&mut bench.flash).unwrap();
        bench.transfer(&log, run.bank).unwrap();
        bench.step = Step::Activated;
        activate(&mut bench.flash, &mut log, 1, &key()).unwrap();
        let refused = begin(&log, Some(0), 1000, Digest::default());
        assert_eq!(refused.unwrap_err(), Refusal::Trial);
        assert!(bench.start().unwrap().trial);
        // During the trial the other bank cannot be overwritten.
        let log = Log::open(&mut bench.flash).unwrap();
        let refused = begin(&log, Some(1), 1000, Digest::default());
        assert_eq!(refused.unwrap_err(), Refusal::Trial);
    }
}

#[test]
fn an_image_below_the_confirmed_counter_is_not_run_any_more() {
    let mut bench = Bench::new(1);
    let mut newer = image(2);
    let payload = newer.split_off(128);
    let content = Content {
        version: 2,
        counter: 9,
        load: layout::APPLICATION,
        entry: layout::APPLICATION,
        payload: &payload,
    };
    bench.new = [&prefix(&content, &SEED)[..], &payload].concat();
    bench.update().unwrap();
    let mut log = Log::open(&mut bench.flash).unwrap();
    assert_eq!(log.record().counter, 9);
    let back = activate(&mut bench.flash, &mut log, 0, &key());
    assert_eq!(back, Err(Refusal::Counter));
    // Not even where the new one is damaged.
    bench.flash.put(layout::BANKS[1] + 500, &[0; 8]);
    assert_eq!(start(&mut bench.flash, &key()).unwrap().run, None);
}

#[test]
fn a_damaged_image_gives_way_to_the_other_one_and_none_to_the_boot_loader() {
    let mut bench = Bench::new(1);
    bench.update().unwrap();
    bench.flash.put(layout::BANKS[1] + 500, &[0; 8]);
    let run = start(&mut bench.flash, &key()).unwrap().run.unwrap();
    assert_eq!((run.bank, run.header.version, run.trial), (0, 1, false));
    bench.flash.put(layout::BANKS[0] + 70, &[0; 8]);
    let stays = start(&mut bench.flash, &key()).unwrap();
    assert_eq!((stays.run, stays.boots), (None, 5));
    let log = Log::open(&mut bench.flash).unwrap();
    let transfer = begin(&log, None, 1000, Digest::default()).unwrap();
    assert_eq!(transfer.bank(), 1);
}

#[test]
fn data_come_in_their_order_or_not_at_all() {
    let mut bench = Bench::new(1);
    let log = Log::open(&mut bench.flash).unwrap();
    let begin = |length| begin(&log, Some(0), length, Digest::default());
    assert_eq!(begin(layout::BANK + 1).unwrap_err(), Refusal::TooLarge);
    assert_eq!(begin(128).unwrap_err(), Refusal::Length);
    let mut transfer = begin(1000).unwrap();
    let flash = &mut bench.flash;
    assert_eq!(transfer.data(flash, 0, &[1; 256]), Ok(256));
    assert_eq!(transfer.data(flash, 0, &[1; 256]), Ok(256));
    assert_eq!(transfer.data(flash, 100, &[1; 256]), Ok(356));
    assert_eq!(transfer.data(flash, 357, &[1; 1]), Err(Refusal::Offset));
    assert_eq!(
        transfer.data(flash, u32::MAX, &[1; 1]),
        Err(Refusal::Offset)
    );
    assert_eq!(transfer.data(flash, 356, &[1; 645]), Err(Refusal::Length));
    assert_eq!(transfer.data(flash, 300, &[1; 700]), Ok(1000));
    assert!(transfer.is_complete());
}
