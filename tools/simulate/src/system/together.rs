// SPDX-License-Identifier: BSD-2-Clause
//! What must hold of a transaction of two components: both run their new images in the end, or none does.
//!
//! It is told from the outside: which bundle each component's generation was built from, whether it runs, and what each machine has
//! committed.

use molt_update::{Barrier, Phase, Stand};

use super::System;
use super::part::disturbs;
use crate::plan;
use crate::stage::Bundle;

/// What a component runs.
#[derive(Clone, Copy)]
struct View {
    phase: Phase,
    stand: Stand,
    /// The bundle of the generation that has the device.
    runs: Option<Bundle>,
    /// The thread of that generation is not suspended.
    awake: bool,
    committed: Option<Bundle>,
}

impl View {
    /// The bundle for both components whose image runs and was not committed yet. `newest`: the newest one that was.
    fn tries(&self, newest: u64) -> Option<u64> {
        let tried = self.runs.filter(|b| self.awake && b.is_joined());
        tried.map(|b| b.number).filter(|number| *number > newest)
    }

    /// Its clients are, or were, without the device for the sake of the transaction.
    fn disturbed(&self) -> bool {
        disturbs(self.phase) && self.stand != Stand::Away
    }
}

impl System {
    fn view(&self, component: usize) -> Option<View> {
        let unit = self.supervisor.units().get(component)?;
        let place = unit.holder().place();
        let generation = place.map(|place| plan::generation_of(place.tcb.0));
        let machine = unit.machine();
        let world = self.world.borrow();
        Some(View {
            phase: machine.phase(),
            stand: machine.stand(),
            runs: generation.and_then(|(component, arena)| self.stage.built[component][arena]),
            awake: place.is_some_and(|place| world.calls.runs(plan::vault(place.tcb.0))),
            committed: self.stage.bundle(component, machine.committed().slot),
        })
    }

    /// What must hold of both components. `denied`: whose devices were revoked in the last step, in this order.
    pub(super) fn look_at_both(&mut self, denied: &[usize]) -> Option<&'static str> {
        let views = [self.view(0)?, self.view(1)?];
        let newest = self.newest;
        let together = std::mem::replace(
            &mut self.together,
            views.iter().all(View::disturbed) && views.iter().all(|v| v.tries(newest).is_none()),
        );
        let committed = views.map(|view| view.committed.filter(Bundle::is_joined));
        let committed = committed.map(|bundle| bundle.map_or(0, |bundle| bundle.number));
        let before = std::mem::replace(&mut self.committed, committed);
        for (n, number) in committed.into_iter().enumerate() {
            // Later on each of them may go back to it, or leave it, alone.
            let first = number > self.newest;
            if first && before[n] != number && committed[1 - n] != number {
                return Some("one component is committed alone");
            }
        }
        self.newest = committed.into_iter().fold(self.newest, u64::max);
        for (one, other) in [(views[0], views[1]), (views[1], views[0])] {
            if one.disturbed() != other.disturbed() {
                return Some("disturbed without the other component");
            }
            let tried = one.tries(newest);
            let beside = other.runs.map(|bundle| bundle.number);
            if tried.is_some() && other.awake && beside != tried {
                return Some("runs beside the other component's old image");
            }
        }
        let at = |n: usize, barrier| views[n].stand == Stand::At(barrier);
        let joined = views.iter().all(|view| view.stand != Stand::Away);
        let out_of_order = together && denied.first() == Some(&1) && denied.contains(&0);
        if joined && (out_of_order || at(1, Barrier::Denied) && !at(0, Barrier::Denied)) {
            return Some("denied in another order");
        }
        None
    }
}
