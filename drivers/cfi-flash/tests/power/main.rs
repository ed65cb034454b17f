// SPDX-License-Identifier: BSD-2-Clause
//! Power cuts at every operation of the flash, with the store and the driver that run on the target.
//!
//! A run is a script of steps on a store, each of which is acknowledged or not. The power is cut at each operation of the run
//! in each way that it can tear; then the store is opened again, continues with other steps, and the power is cut at
//! each operation of that too. What is checked is in [`Truth::check`].

mod damage;
mod steps;
mod together;
mod truth;

use molt_cfi_flash::model::{Model, Tear};

use steps::{DISK, SHAPE, Step, open, perform};
use truth::Truth;

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
