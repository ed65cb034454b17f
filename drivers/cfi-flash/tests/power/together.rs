// SPDX-License-Identifier: BSD-2-Clause
//! Power cuts while two components are committed, or taken back, together.

use molt_cfi_flash::model::{Model, Tear};
use molt_store::{Entry, Flash, Kind, Refused, Store, Unreadable};

use crate::steps::{DISK, LOG, OTHER, SHAPE, Step, bundle, entry, open, perform};

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
