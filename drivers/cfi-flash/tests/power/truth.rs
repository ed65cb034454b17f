// SPDX-License-Identifier: BSD-2-Clause
//! What was done with a store, and what must be true of it after a cut.

use molt_cfi_flash::model::Model;
use molt_store::log::Health;
use molt_store::{Flash, Record, Store, Unreadable};

use crate::steps::{DISK, OTHER, Step, bundle, image, kind, list, open, perform, records};

/// What was done, and what of it was acknowledged.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    pub acknowledged: Vec<Step>,
    /// The step that was under way when the power went. It may have taken effect, or not.
    pub under_way: Vec<Step>,
}

impl Truth {
    /// Does the steps until the power goes.
    pub fn run(&mut self, model: &Model, steps: &[Step]) {
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
    pub fn check(&self, model: &Model) {
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
pub fn committed(steps: &[Step]) -> Option<u64> {
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
