// SPDX-License-Identifier: BSD-2-Clause
//! Power cuts at every operation of the flash, with the store and the driver that run on the target.
//!
//! A run is a script of steps on a store, each of which is acknowledged or not. The power is cut at each operation of the run
//! in each way that it can tear; then the store is opened again, continues with other steps, and the power is cut at
//! each operation of that too. What is checked is in [`Truth::check`].

use molt_cfi_flash::Bank;
use molt_cfi_flash::model::{Model, Random, Shape, Tear};
use molt_store::log::Health;
use molt_store::{
    Entry, Flash, Kind, Name, Place, RECORD, Record, Refused, Slots, Store, Unreadable,
};
use sha2::{Digest as _, Sha256};

const SHAPE: Shape = Shape {
    block_words: 512,
    blocks: 32,
    buffer: true,
};
const BLOCK: u32 = 2048;
const LOG: u32 = 8 * BLOCK;
/// Where the slots for lists of keys begin.
const LISTS: u32 = LOG + 8 * BLOCK;
const DISK: Name = *b"disk\0\0\0\0\0\0\0\0\0\0\0\0";
const OTHER: Name = *b"entropy\0\0\0\0\0\0\0\0\0";
const PLACES: [Place; 2] = [
    Place {
        name: DISK,
        bundles: slots(LOG, 2 * BLOCK),
        keys: slots(LISTS, BLOCK),
    },
    Place {
        name: OTHER,
        bundles: slots(LOG + 4 * BLOCK, 2 * BLOCK),
        keys: slots(LISTS + 2 * BLOCK, BLOCK),
    },
];

const fn slots(offset: u32, size: u32) -> Slots {
    Slots { offset, size }
}

/// What is done with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Commits the bundle with this sequence number.
    Commit(u64),
    /// The image with this sequence number failed.
    RollBack(u64),
    /// An offer was refused.
    Refuse(u64),
    /// The operator returns to the bundle with this sequence number, which was committed before. Last in its script.
    Revert(u64),
    /// The operator freezes the component.
    Freeze(u64),
    /// The list of keys with this sequence number is put in force.
    Keys(u64),
}

/// The bundle with a sequence number: two blocks, the last one not full, so that it is erased and written in several steps.
fn bundle(sequence: u64) -> Vec<u8> {
    let mut random = Random::new(sequence + 1000);
    (0..2501).map(|_| random.draw() as u8).collect()
}

/// The list of keys with a sequence number, as long as the longest ones.
fn list(sequence: u64) -> Vec<u8> {
    let mut random = Random::new(sequence + 2000);
    (0..1900).map(|_| random.draw() as u8).collect()
}

fn image(sequence: u64) -> [u8; 32] {
    [sequence as u8; 32]
}

fn entry(sequence: u64) -> Entry {
    Entry {
        component: DISK,
        client: *b"vmm_linux\0\0\0\0\0\0\0",
        time_us: sequence,
        sequence,
        image: image(sequence),
        ..Entry::default()
    }
}

fn open(model: &Model) -> Result<Store<impl Flash + use<>>, String> {
    let window = u64::from(SHAPE.blocks as u32) * u64::from(BLOCK);
    let bank = Bank::new(model.clone(), window, model.clock()).map_err(|e| e.to_string())?;
    Store::open(bank, LOG, &PLACES).map_err(|e| format!("{e:?}"))
}

fn perform(store: &mut Store<impl Flash>, step: Step) -> Result<(), Refused> {
    match step {
        Step::Commit(sequence) => {
            let bundle = bundle(sequence);
            store.commit(&entry(sequence), bundle.len() as u64, |offset, out| {
                out.copy_from_slice(&bundle[offset..offset + out.len()]);
            })
        }
        Step::RollBack(sequence) => store.record(Kind::RolledBack, &entry(sequence)),
        Step::Refuse(sequence) => store.record(Kind::Refused, &entry(sequence)),
        Step::Revert(sequence) => store.revert(&entry(sequence)),
        Step::Freeze(sequence) => store.record(Kind::Frozen, &entry(sequence)),
        Step::Keys(sequence) => {
            let list = list(sequence);
            store.exchange_keys(&entry(sequence), list.len() as u64, |offset, out| {
                out.copy_from_slice(&list[offset..offset + out.len()]);
            })
        }
    }
}

/// What was done, and what of it was acknowledged.
#[derive(Clone, Debug, Default)]
struct Truth {
    acknowledged: Vec<Step>,
    /// The step that was under way when the power went. It may have taken effect, or not.
    under_way: Vec<Step>,
}

impl Truth {
    /// Does the steps until the power goes.
    fn run(&mut self, model: &Model, steps: &[Step]) {
        let Ok(mut store) = open(model) else {
            assert!(model.is_off(), "the store does not open");
            return;
        };
        for step in steps {
            let done = perform(&mut store, *step);
            match (done, model.is_off()) {
                // The power goes just after the acknowledgement.
                (Ok(()), false) => self.acknowledged.push(*step),
                (Err(_), true) | (Ok(()), true) => {
                    self.under_way.push(*step);
                    return;
                }
                (Err(error), false) => panic!("{step:?}: {error:?}"),
            }
            model.cut();
        }
    }

    /// What must be true whenever the power comes back.
    fn check(&self, model: &Model) {
        let mut store = open(model).expect("the store opens");
        assert!(
            !matches!(store.health(), Health::Broken(_)),
            "{:?}",
            store.health()
        );
        let acknowledged: Vec<Record> = records(model);

        // No record that was acknowledged is lost, and all are in their order.
        let mut found = acknowledged.iter();
        for step in &self.acknowledged {
            let (kind, sequence) = kind(*step);
            let is = |r: &Record| r.kind() == Some(kind) && r.sequence == sequence;
            assert!(found.any(is), "the record of {step:?} is lost");
        }

        // A whole generation, and never an older one than what was acknowledged last.
        let mut bytes = Vec::new();
        let recalled = store.recall(&DISK, |_, part| bytes.extend_from_slice(part));
        let floor = committed(&self.acknowledged);
        match recalled {
            Ok(committed) => {
                assert_eq!(
                    bytes,
                    bundle(committed.sequence),
                    "not the bundle that was committed"
                );
                let possible = self.possible();
                let sequence = committed.sequence;
                assert!(
                    possible.contains(&Some(sequence)),
                    "{sequence} runs, not one of {possible:?}"
                );
            }
            Err(Unreadable::Nothing) => {
                assert!(
                    self.possible().contains(&None),
                    "the commit of {floor:?} is lost"
                );
            }
            Err(error) => panic!("the committed bundle cannot be read: {error:?}"),
        }
        let failed = |sequence| {
            let component = store.component(&DISK);
            component.is_some_and(|c| c.failed.contains(&image(sequence)))
        };
        for step in &self.acknowledged {
            if let Step::RollBack(sequence) = step {
                assert!(
                    failed(*sequence),
                    "the failed image {sequence} is forgotten"
                );
            }
        }
        let frozen = |step: &Step| matches!(step, Step::Freeze(_));
        if self.acknowledged.iter().any(frozen) {
            assert!(
                store.component(&DISK).is_some_and(|c| c.frozen),
                "the freeze is forgotten"
            );
        }
        // A number that was committed and acknowledged stays used, whatever the operator went back to.
        let is_rolled_back = |n: u64| {
            let steps = self.acknowledged.iter().chain(&self.under_way);
            steps.into_iter().any(|step| *step == Step::RollBack(n))
        };
        for step in &self.acknowledged {
            if let Step::Commit(n) = step
                && !is_rolled_back(*n)
            {
                assert!(store.floor(&DISK) >= *n, "the number {n} can be used again");
            }
        }
        self.check_keys(&mut store);
        // The other component's slots were never touched.
        assert_eq!(store.recall(&OTHER, |_, _| ()), Err(Unreadable::Nothing));
        let other = store.recall_keys(&OTHER, |_, _| ());
        assert_eq!(other, Err(Unreadable::Nothing));
    }

    /// A whole list of keys is in force, and never an older one than what was acknowledged last.
    fn check_keys(&self, store: &mut Store<impl Flash>) {
        let mut bytes = Vec::new();
        let recalled = store.recall_keys(&DISK, |_, part| bytes.extend_from_slice(part));
        let number = |step: &Step| match step {
            Step::Keys(sequence) => Some(*sequence),
            _ => None,
        };
        let acknowledged = self.acknowledged.iter().filter_map(number).max();
        let newer = self.under_way.iter().filter_map(number);
        let mut newer = newer.filter(|sequence| Some(*sequence) > acknowledged);
        match recalled {
            Ok(found) => {
                let sequence = found.sequence;
                assert_eq!(bytes, list(sequence), "not the list that was put in force");
                assert!(
                    Some(sequence) == acknowledged || newer.any(|n| n == sequence),
                    "list {sequence} is in force, and {acknowledged:?} was acknowledged"
                );
            }
            Err(Unreadable::Nothing) => {
                assert_eq!(acknowledged, None, "the list of keys is lost");
            }
            Err(error) => panic!("the list of keys cannot be read: {error:?}"),
        }
    }

    /// What may be committed now: the state after what was acknowledged, with or without each step that was interrupted, in
    /// their order.
    fn possible(&self) -> Vec<Option<u64>> {
        let mut ways = vec![self.acknowledged.clone()];
        for step in &self.under_way {
            let with = ways.iter().map(|way| [&way[..], &[*step]].concat());
            ways = with.chain(ways.iter().cloned()).collect();
        }
        // A step that was interrupted was done before the ones after the restart, if at all; the scripts commit with rising
        // numbers, so that the order of commits is that of their numbers.
        ways.iter().map(|way| committed(way)).collect()
    }
}

/// What is committed after these steps.
fn committed(steps: &[Step]) -> Option<u64> {
    let mut numbers: Vec<u64> = Vec::new();
    for step in steps {
        match step {
            Step::Commit(sequence) => numbers.push(*sequence),
            Step::RollBack(sequence) => numbers.retain(|n| n != sequence),
            Step::Revert(sequence) => return Some(*sequence),
            Step::Refuse(_) | Step::Freeze(_) | Step::Keys(_) => {}
        }
    }
    numbers.iter().copied().max()
}

fn kind(step: Step) -> (Kind, u64) {
    match step {
        Step::Commit(sequence) => (Kind::Committed, sequence),
        Step::RollBack(sequence) => (Kind::RolledBack, sequence),
        Step::Refuse(sequence) => (Kind::Refused, sequence),
        Step::Revert(sequence) => (Kind::Reverted, sequence),
        Step::Freeze(sequence) => (Kind::Frozen, sequence),
        Step::Keys(sequence) => (Kind::KeysExchanged, sequence),
    }
}

/// The records on the flash, read without the store; the chain is checked.
fn records(model: &Model) -> Vec<Record> {
    let cells = (0..LOG as usize / RECORD).map(|cell| {
        let bytes: Vec<u8> = (0..RECORD)
            .map(|at| model.peek(cell * RECORD + at))
            .collect();
        Record::read(bytes.as_slice().try_into().unwrap())
    });
    let records: Vec<Record> = cells.flatten().collect();
    let mut previous = [0; 32];
    for record in &records {
        assert_eq!(
            record.previous, previous,
            "the chain is broken at {}",
            record.number
        );
        previous = record.digest();
    }
    records
}

/// The operations of a run that is not interrupted, and its end.
fn whole(model: &Model, truth: &Truth, steps: &[Step]) -> u64 {
    let model = model.restarted(0);
    let mut truth = truth.clone();
    truth.run(&model, steps);
    truth.check(&model.restarted(0));
    model.operations()
}

/// Cuts at every operation of `first`, and at every operation of `second` after that.
fn cut_everywhere(before: &[Step], first: &[Step], second: &[Step]) {
    let ground = Model::new(SHAPE);
    let mut truth = Truth::default();
    truth.run(&ground, before);
    let mut cuts = 0;
    for n in 1..=whole(&ground, &truth, first) {
        for tear in Tear::ALL {
            let model = ground.restarted(n);
            let mut truth = truth.clone();
            model.cut_at(n, tear);
            truth.run(&model, first);
            assert!(model.is_off());
            let model = model.restarted(n);
            truth.check(&model.restarted(0));
            for m in 1..=whole(&model, &truth, second) {
                let again = Tear::ALL[(n + m) as usize % Tear::ALL.len()];
                let model = model.restarted(n * 1000 + m);
                let mut truth = truth.clone();
                model.cut_at(m, again);
                truth.run(&model, second);
                truth.check(&model.restarted(0));
                cuts += 1;
            }
        }
    }
    assert!(cuts > 0);
}

const EARLIER: [Step; 3] = [Step::Commit(1), Step::Refuse(1), Step::Commit(2)];

#[test]
fn a_commit_that_is_cut_anywhere_leaves_the_old_bundle_or_the_new_one() {
    cut_everywhere(&EARLIER, &[Step::Commit(3)], &[Step::Commit(4)]);
}

#[test]
fn the_first_commit_that_is_cut_anywhere_leaves_nothing_or_the_bundle() {
    cut_everywhere(&[], &[Step::Commit(3)], &[Step::Commit(4)]);
}

#[test]
fn two_commits_in_a_row_that_are_cut_anywhere_never_leave_the_older_one() {
    cut_everywhere(
        &EARLIER,
        &[Step::Commit(3), Step::Commit(4)],
        &[Step::Refuse(5)],
    );
}

#[test]
fn a_rollback_that_is_cut_anywhere_leaves_the_committed_bundle() {
    cut_everywhere(
        &EARLIER,
        &[Step::RollBack(3)],
        &[Step::RollBack(3), Step::Commit(4)],
    );
}

#[test]
fn an_operators_return_that_is_cut_anywhere_leaves_one_of_the_two_bundles() {
    cut_everywhere(
        &EARLIER,
        &[Step::Freeze(2), Step::Revert(1)],
        &[Step::Refuse(3), Step::Refuse(4)],
    );
}

#[test]
fn a_commit_after_an_operators_return_does_not_touch_what_starts() {
    let model = earlier();
    let mut store = open(&model).unwrap();
    assert_eq!(perform(&mut store, Step::Revert(1)), Ok(()));
    assert_eq!(store.floor(&DISK), 2);
    // Of the two slots the one with the bundle that was left is written.
    assert_eq!(perform(&mut store, Step::Commit(3)), Ok(()));
    let mut store = open(&model.restarted(0)).unwrap();
    let before = store.component(&DISK).and_then(|c| c.before);
    assert_eq!(before.map(|before| before.sequence), Some(1));
    assert_eq!(store.recall(&DISK, |_, _| ()).map(|c| c.sequence), Ok(3));
}

#[test]
fn a_commit_that_nobody_was_told_of_can_be_taken_back() {
    let steps = [Step::Commit(3), Step::RollBack(3)];
    cut_everywhere(&EARLIER, &steps, &[Step::Commit(4)]);
}

#[test]
fn an_append_that_is_cut_anywhere_loses_no_record_before_it() {
    let steps = [Step::Refuse(3), Step::Refuse(4), Step::Refuse(5)];
    cut_everywhere(&EARLIER, &steps, &[Step::Refuse(6), Step::Refuse(7)]);
}

#[test]
fn a_rotation_that_is_cut_anywhere_leaves_the_old_list_or_the_new_one() {
    let before = [Step::Commit(1), Step::Keys(1)];
    cut_everywhere(&before, &[Step::Keys(2)], &[Step::Keys(3)]);
}

#[test]
fn the_first_list_that_is_cut_anywhere_leaves_nothing_or_the_list() {
    cut_everywhere(&EARLIER, &[Step::Keys(1)], &[Step::Keys(2)]);
}

#[test]
fn two_rotations_and_a_commit_that_are_cut_anywhere_never_leave_the_older_list() {
    let before = [Step::Commit(1), Step::Keys(1)];
    let steps = [Step::Keys(2), Step::Keys(3), Step::Commit(2)];
    cut_everywhere(&before, &steps, &[Step::Refuse(5)]);
}

/// Both components are old, or both are new; never one of each. `new`: what may be committed.
fn together(model: &Model, new: &[Option<u64>]) -> Option<u64> {
    let mut store = open(model).expect("the store opens");
    let recalled = [DISK, OTHER].map(|name| {
        let mut bytes = Vec::new();
        match store.recall(&name, |_, part| bytes.extend_from_slice(part)) {
            Ok(committed) => {
                assert_eq!(bytes, bundle(committed.sequence));
                Some(committed.sequence)
            }
            Err(Unreadable::Nothing) => None,
            Err(error) => panic!("the committed bundle cannot be read: {error:?}"),
        }
    });
    let [disk, other] = recalled;
    assert_eq!(disk, other, "one is new and the other is old");
    assert!(new.contains(&disk), "{disk:?} runs, not one of {new:?}");
    for name in [DISK, OTHER] {
        assert!(store.floor(&name) >= disk.unwrap_or(0));
    }
    disk
}

/// Commits the bundle with this sequence number for both.
fn commit_both(store: &mut Store<impl Flash>, sequence: u64) -> Result<(), Refused> {
    let bundle = bundle(sequence);
    let length = bundle.len() as u64;
    let read =
        |offset: usize, out: &mut [u8]| out.copy_from_slice(&bundle[offset..offset + out.len()]);
    store.prepare(&of_other(sequence), length, read)?;
    store.commit_together(&entry(sequence), 1, length, read)
}

fn of_other(sequence: u64) -> Entry {
    Entry {
        component: OTHER,
        ..entry(sequence)
    }
}

/// What is done with both.
#[derive(Clone, Copy)]
enum Both {
    /// Commits the bundle with this sequence number for both.
    Commit(u64),
    /// The image with this sequence number failed in the second one.
    RollBack(u64),
    /// The first one takes the commit back.
    TakeBack(u64),
}

fn both(store: &mut Store<impl Flash>, steps: &[Both]) -> Result<(), Refused> {
    steps.iter().try_for_each(|step| match step {
        Both::Commit(sequence) => commit_both(store, *sequence),
        Both::RollBack(sequence) => store.record(Kind::RolledBack, &of_other(*sequence)),
        Both::TakeBack(sequence) => store.record(Kind::TakenBack, &entry(*sequence)),
    })
}

/// Does `steps` without a cut, and returns the flash as the next start finds it.
fn done(ground: &Model, steps: &[Both]) -> Model {
    let model = ground.restarted(0);
    both(&mut open(&model).unwrap(), steps).expect("nothing is cut");
    model.cut();
    model
}

/// Cuts `steps` at every operation, and the next commit after each of the cuts at every operation too.
fn cut_together(ground: &Model, steps: &[Both], possible: [Option<u64>; 2]) {
    let next = [Both::Commit(9)];
    let whole = done(ground, steps);
    let mut seen = vec![together(&whole.restarted(0), &possible)];
    for n in 1..=whole.operations() {
        for tear in Tear::ALL {
            let model = ground.restarted(n);
            model.cut_at(n, tear);
            if let Ok(mut store) = open(&model) {
                // The power is cut.
                let _ = both(&mut store, steps);
            }
            assert!(model.is_off());
            let model = model.restarted(n);
            let found = together(&model.restarted(0), &possible);
            seen.push(found);
            let after = done(&model, &next);
            assert_eq!(together(&after.restarted(0), &[Some(9)]), Some(9));
            for m in 1..=after.operations() {
                let model = model.restarted(n * 1000 + m);
                model.cut_at(m, Tear::ALL[(n + m) as usize % Tear::ALL.len()]);
                if let Ok(mut store) = open(&model) {
                    // As above.
                    let _ = both(&mut store, &next);
                }
                together(&model.restarted(0), &[found, Some(9)]);
            }
        }
    }
    for state in possible {
        assert!(seen.contains(&state), "no cut leaves {state:?}");
    }
}

#[test]
fn a_commit_of_two_components_that_is_cut_anywhere_leaves_both_old_or_both_new() {
    let blank = Model::new(SHAPE);
    cut_together(&blank, &[Both::Commit(1)], [None, Some(1)]);
    let ground = done(&blank, &[Both::Commit(1)]);
    cut_together(&ground, &[Both::Commit(2)], [Some(1), Some(2)]);
}

#[test]
fn what_takes_one_of_two_components_back_takes_both_back_wherever_it_is_cut() {
    let ground = done(&Model::new(SHAPE), &[Both::Commit(1), Both::Commit(2)]);
    // Whichever of them it is, and whether the other one's follows.
    let ways: [&[Both]; 3] = [
        &[Both::RollBack(2), Both::TakeBack(2)],
        &[Both::RollBack(2)],
        &[Both::TakeBack(2)],
    ];
    for steps in ways {
        cut_together(&ground, steps, [Some(2), Some(1)]);
    }
}

#[test]
fn a_component_that_was_committed_alone_later_is_not_taken_back_with_the_other() {
    let model = Model::new(SHAPE);
    let mut store = open(&model).unwrap();
    commit_both(&mut store, 1).unwrap();
    perform(&mut store, Step::Commit(3)).unwrap();
    perform(&mut store, Step::RollBack(3)).unwrap();
    let mut store = open(&model.restarted(0)).unwrap();
    let committed = [DISK, OTHER].map(|name| store.recall(&name, |_, _| ()).map(|c| c.sequence));
    assert_eq!(committed, [Ok(1), Ok(1)]);
}

#[test]
fn what_was_prepared_is_committed_only_by_the_commit_that_follows() {
    let model = Model::new(SHAPE);
    let mut store = open(&model).unwrap();
    let nothing = |_: usize, out: &mut [u8]| out.fill(7);
    store.prepare(&of_other(1), 100, nothing).unwrap();
    store.record(Kind::Refused, &entry(1)).unwrap();
    let late = store.commit_together(&entry(1), 1, 100, nothing);
    assert_eq!(late, Err(Refused::NotPrepared));
    store.prepare(&entry(1), 100, nothing).unwrap();
    let own = store.commit_together(&entry(1), 1, 100, nothing);
    assert_eq!(own, Err(Refused::NotPrepared));
    let mut store = open(&model.restarted(0)).unwrap();
    for name in [DISK, OTHER] {
        assert_eq!(store.recall(&name, |_, _| ()), Err(Unreadable::Nothing));
    }
}

#[test]
fn if_the_bundle_of_one_of_two_components_is_damaged_both_are_old() {
    let model = Model::new(SHAPE);
    commit_both(&mut open(&model).unwrap(), 1).unwrap();
    let at = LOG as usize + 100;
    model.poke(at, !model.peek(at));
    let mut store = open(&model.restarted(0)).unwrap();
    for name in [DISK, OTHER] {
        assert_eq!(store.recall(&name, |_, _| ()), Err(Unreadable::Damaged));
    }
}

#[test]
fn an_acknowledged_step_is_durable() {
    // The power goes in the last operation of a step, after its acknowledgement if the step did not wait for the operation.
    for step in [
        Step::Commit(3),
        Step::RollBack(3),
        Step::Refuse(3),
        Step::Keys(3),
    ] {
        let ground = Model::new(SHAPE);
        let mut truth = Truth::default();
        truth.run(&ground, &EARLIER);
        let last = whole(&ground, &truth, &[step]);
        for tear in Tear::ALL {
            let model = ground.restarted(1);
            let mut truth = truth.clone();
            model.cut_at(last, tear);
            truth.run(&model, &[step]);
            truth.check(&model.restarted(0));
        }
    }
}

/// A store with what `EARLIER` leaves, on a model that may be damaged.
fn earlier() -> Model {
    let model = Model::new(SHAPE);
    Truth::default().run(&model, &EARLIER);
    model.restarted(0)
}

#[test]
fn a_damaged_bundle_is_not_offered() {
    let model = earlier();
    let at = LOG as usize + 2 * BLOCK as usize + 100;
    model.poke(at, !model.peek(at));
    let mut store = open(&model).unwrap();
    assert_eq!(store.recall(&DISK, |_, _| ()), Err(Unreadable::Damaged));
    assert_eq!(store.floor(&DISK), 2, "the sequence number is forgotten");
    // It can be replaced.
    assert_eq!(perform(&mut store, Step::Commit(3)), Ok(()));
    assert_eq!(store.recall(&DISK, |_, _| ()).map(|c| c.sequence), Ok(3));
}

#[test]
fn a_damaged_list_is_not_delivered_and_its_number_is_known() {
    let model = earlier();
    let mut store = open(&model).unwrap();
    assert_eq!(perform(&mut store, Step::Keys(5)), Ok(()));
    let at = LISTS as usize + 100;
    model.poke(at, !model.peek(at));
    let mut store = open(&model.restarted(0)).unwrap();
    let keys = store.recall_keys(&DISK, |_, _| ());
    assert_eq!(keys, Err(Unreadable::Damaged));
    let known = store.component(&DISK).and_then(|c| c.keys);
    assert_eq!(known.map(|list| list.sequence), Some(5));
    // It can be replaced.
    assert_eq!(perform(&mut store, Step::Keys(6)), Ok(()));
    let keys = store.recall_keys(&DISK, |_, _| ());
    assert_eq!(keys.map(|list| list.sequence), Ok(6));
}

#[test]
fn a_log_in_which_a_record_is_missing_is_not_believed() {
    for at in [RECORD + 40, RECORD, 0, 2] {
        let model = earlier();
        model.poke(at, !model.peek(at));
        let mut store = open(&model).unwrap();
        assert!(matches!(store.health(), Health::Broken(_)), "{at}");
        assert_eq!(store.recall(&DISK, |_, _| ()), Err(Unreadable::Broken));
        assert_eq!(store.room(), Err(Refused::Broken));
        assert_eq!(perform(&mut store, Step::Commit(3)), Err(Refused::Broken));
        assert_eq!(perform(&mut store, Step::Refuse(3)), Err(Refused::Broken));
    }
}

#[test]
fn a_bank_with_something_else_in_it_is_not_written_to() {
    for value in [0, 0x5a] {
        let model = Model::new(SHAPE);
        for at in 0..600 {
            model.poke(at, value);
        }
        let mut store = open(&model).unwrap();
        assert_eq!(store.health(), Health::Broken(0));
        assert_eq!(perform(&mut store, Step::Commit(1)), Err(Refused::Broken));
        assert_eq!(model.operations(), 0);
    }
}

#[test]
fn a_full_log_refuses_offers_and_keeps_room_for_the_ends_of_those_it_took() {
    let model = Model::new(SHAPE);
    let mut store = open(&model).unwrap();
    let mut committed = 0;
    // Whoever only has offers refused does not fill the log.
    for n in 0..1000 {
        assert_eq!(perform(&mut store, Step::Refuse(n)), Ok(()));
    }
    while store.room().is_ok() {
        committed += 1;
        assert_eq!(perform(&mut store, Step::Commit(committed)), Ok(()));
    }
    assert_eq!(store.room(), Err(Refused::Full));
    for n in 0..10 {
        assert_eq!(perform(&mut store, Step::RollBack(100 + n)), Ok(()));
    }
    while store.free() > 0 {
        assert_eq!(perform(&mut store, Step::RollBack(100)), Ok(()));
    }
    assert_eq!(perform(&mut store, Step::RollBack(100)), Err(Refused::Full));
    assert_eq!(perform(&mut store, Step::Commit(99)), Err(Refused::Full));
    // What was committed last is still there, after a restart too.
    let mut store = open(&model.restarted(0)).unwrap();
    assert_eq!(
        store.recall(&DISK, |_, _| ()).map(|c| c.sequence),
        Ok(committed)
    );
    let left_out: u32 = records(&model).iter().map(|r| r.left_out).sum();
    let refused = records(&model)
        .iter()
        .filter(|r| r.kind() == Some(Kind::Refused))
        .count();
    assert_eq!(left_out as usize + refused, 1000);
}

#[test]
fn a_bundle_that_has_no_place_is_refused() {
    let mut store = open(&Model::new(SHAPE)).unwrap();
    let too_long = u64::from(2 * BLOCK) + 1;
    assert_eq!(
        store.commit(&entry(1), too_long, |_, _| ()),
        Err(Refused::NoPlace)
    );
    assert_eq!(store.commit(&entry(1), 0, |_, _| ()), Err(Refused::NoPlace));
    let stranger = Entry {
        component: *b"nobody\0\0\0\0\0\0\0\0\0\0",
        ..entry(1)
    };
    assert_eq!(
        store.commit(&stranger, 10, |_, _| ()),
        Err(Refused::NoPlace)
    );
}

#[test]
fn a_flash_that_fails_commits_nothing() {
    let model = earlier();
    let mut store = open(&model).unwrap();
    model.fail_with(1 << 4);
    assert!(matches!(
        perform(&mut store, Step::Commit(3)),
        Err(Refused::Flash(_))
    ));
    model.fail_with(0);
    let store = open(&model.restarted(0)).unwrap();
    assert_eq!(store.floor(&DISK), 2);
}

#[test]
fn a_word_that_does_not_take_what_is_written_is_noticed_before_the_commit() {
    // The erase leaves a word of slot 0, which the next commit writes, with bits that are clear.
    let model = earlier();
    let at = LOG as usize + 100;
    model.wear_out(at);
    let mut store = open(&model).unwrap();
    assert_eq!(perform(&mut store, Step::Commit(3)), Err(Refused::Differs));
    let mut store = open(&model.restarted(0)).unwrap();
    assert_eq!(store.recall(&DISK, |_, _| ()).map(|c| c.sequence), Ok(2));
}

#[test]
fn forgiven_images_are_forgotten_and_others_are_not() {
    let model = earlier();
    let mut store = open(&model).unwrap();
    perform(&mut store, Step::RollBack(7)).unwrap();
    let other = Entry {
        component: OTHER,
        ..entry(8)
    };
    store.record(Kind::RolledBack, &other).unwrap();
    store.record(Kind::Forgiven, &entry(0)).unwrap();
    let store = open(&model.restarted(0)).unwrap();
    assert!(store.component(&DISK).unwrap().failed.is_empty());
    assert_eq!(store.component(&OTHER).unwrap().failed[..], [image(8)]);
}

#[test]
fn each_start_has_its_number_and_each_record_its_own() {
    let model = earlier();
    let mut store = open(&model).unwrap();
    perform(&mut store, Step::Refuse(9)).unwrap();
    let records = records(&model);
    let numbers: Vec<(u64, u32)> = records.iter().map(|r| (r.number, r.start)).collect();
    assert_eq!(numbers, [(0, 1), (1, 1), (2, 1), (3, 2)]);
    let digest: [u8; 32] = Sha256::digest(bundle(2)).into();
    assert_eq!(records[2].bundle, digest);
}
