// SPDX-License-Identifier: BSD-2-Clause
//! Reads the report of the generation that has the device.

use molt_control::State;
use molt_doorbell::Reason;
use molt_update::{Event, Phase};

use crate::{Kernel, Supervisor};

impl<'m, K: Kernel<'m>> Supervisor<'m, K> {
    pub(crate) fn look_at_driver(&mut self, index: usize) {
        let now = self.us();
        if self.look_whether_stopped(index) {
            self.give(index, Event::Stopped);
        }
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        let Some(generation) = unit.machine.holder() else {
            return;
        };
        let report = unit.report();
        match report.state(generation) {
            State::Starting => {}
            State::Ready => self.give(index, Event::Ready(generation)),
            State::Quiesced => {
                self.measure_deny(index);
                if let Some(unit) = self.units.get_mut(index) {
                    unit.departed.in_order = true;
                }
                self.give(index, Event::Quiesced(generation));
            }
            State::Failed => self.holder_failed(index, Reason::DriverFatal),
        }
        let mut unit = self.units.get_mut(index);
        if unit
            .as_mut()
            .is_some_and(|u| u.watch.answered(report.beat()))
        {
            self.give(index, Event::Beat(generation));
        }
        self.look_at_transfer(index);
        self.look_at_counters(index, generation, now);
        self.measure_resume(index);
    }

    /// During probation, reads what the generation has done, and what is owed.
    fn look_at_counters(&mut self, index: usize, generation: u64, now: u64) {
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        let (completions, errors) = (unit.report().completions(), unit.report().errors());
        let asked = u64::from(unit.plan.probation_completions);
        let done = completions.saturating_sub(errors) >= asked;
        // The last look is at the end of probation.
        let over = unit.machine.deadline().is_some_and(|end| end <= now);
        if !unit.watch.look(now, done || over, done) {
            return;
        }
        let (mut owed, mut owing) = (0u64, 0u8);
        for (n, client) in self.clients.iter().enumerate() {
            if client.serves(index) {
                let own = u64::from(client.warden.account(index).owed);
                owed = owed.saturating_add(own);
                owing |= u8::from(own > 0) << n;
            }
        }
        // A committed image is not judged by one client's claim that it waits.
        let on_trial = unit.machine.phase() == Phase::Probation;
        let lone = owing.count_ones() == 1 && !self.alone(index, owing.trailing_zeros() as usize);
        if lone && !on_trial {
            owed = 0;
        }
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        unit.watch.owed(owing);
        let event = Event::Health {
            generation,
            completions,
            errors,
            expected: unit.watch.expected(completions),
            owed,
        };
        self.give(index, event);
    }

    /// The generation that has the device has failed.
    pub(crate) fn holder_failed(&mut self, component: usize, reason: Reason) {
        let holder = self.units.get(component).and_then(|u| u.machine.holder());
        if let Some(generation) = holder {
            self.give(component, Event::Failed { generation, reason });
        }
    }
}
