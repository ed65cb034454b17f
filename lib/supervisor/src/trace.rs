// SPDX-License-Identifier: BSD-2-Clause
//! Trace events, from which the host tool makes its timeline and figures.

use molt_doorbell::{Reason, Status};
use molt_trace::{Event as Trace, WordRef};

use crate::client::Client;
use crate::{Kernel, Supervisor};

/// The time between two traces of the clients' statistics, in us.
const FIGURES_US: u64 = 1_000_000;

impl<'m, K: Kernel<'m>> Supervisor<'m, K> {
    /// A status that a component's machine has reported.
    pub(crate) fn trace_status(
        &mut self,
        index: usize,
        client: Option<u8>,
        status: Status,
        reason: Reason,
    ) {
        let component = self.name(index);
        let client = client.map_or(WordRef("none"), |c| self.client_name(c.into()));
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        let holder = unit.machine.holder();
        let generation = holder.unwrap_or(0);
        let event = match status {
            // Who defers it is traced for each client.
            Status::Idle | Status::Deferred | Status::Denied | Status::Granted => return,
            Status::Approval => Trace::Approval {
                client,
                component,
                sequence: unit.offer.image.sequence,
            },
            Status::Offered => Trace::Offered { client, component },
            Status::Confirmed => Trace::Confirmed { client, component },
            Status::Verified => Trace::Verified {
                component,
                sequence: unit.offer.image.sequence,
                bytes: unit.offer.image.length,
            },
            Status::Staged => Trace::Staged {
                component,
                generation: unit.machine.newest(),
            },
            Status::Transferred => return self.trace_transfer(index),
            Status::Quiesced => {
                unit.departed.generation = generation;
                Trace::Quiesced {
                    component,
                    generation,
                    how: WordRef(if unit.departed.in_order {
                        "orderly"
                    } else {
                        "forced"
                    }),
                }
            }
            Status::Probation => Trace::Probation {
                component,
                generation,
                completions: unit.plan.probation_completions.into(),
            },
            Status::Committed => Trace::Committed {
                component,
                from: unit.departed.generation,
                to: generation,
                sequence: unit.machine.committed().sequence,
            },
            Status::KeysExchanged => Trace::KeysExchanged {
                client,
                component,
                sequence: unit.machine.keys(),
            },
            // This is the first generation.
            Status::RolledBack if reason == Reason::None => return,
            Status::RolledBack => Trace::RolledBack {
                component,
                failed: unit.departed.generation,
                to: generation,
                reason: WordRef(reason.word()),
            },
            Status::OutOfService => Trace::OutOfService {
                component,
                reason: WordRef(reason.word()),
            },
            Status::Refused => Trace::Refused {
                client,
                component,
                reason: WordRef(reason.word()),
            },
        };
        self.trace(event);
        if status.is_final() {
            self.trace_end(index, generation);
        }
    }

    fn trace_end(&mut self, index: usize, generation: u64) {
        let component = self.name(index);
        let now = self.clock.ns(&self.kernel);
        if let Some(unit) = self.units.get(index) {
            for (name, ns) in unit.measure.stages() {
                let name = WordRef(name);
                let event = Trace::Stage {
                    component,
                    generation,
                    name,
                    ns,
                };
                self.console.note(now, event);
            }
        }
        self.trace_clients(|client| client.has(index));
    }

    /// Traces the clients' statistics at intervals; the last ones are those at the end of the run.
    pub(crate) fn trace_figures(&mut self) {
        let now = self.us();
        if now.saturating_sub(self.figures) >= FIGURES_US {
            self.figures = now;
            self.trace_clients(|client| client.warden.statistics().requests != client.told);
        }
    }

    fn trace_clients(&mut self, wanted: impl Fn(&Client) -> bool) {
        let now = self.clock.ns(&self.kernel);
        for client in &mut self.clients {
            if wanted(client) {
                let statistics = client.warden.statistics();
                client.told = statistics.requests;
                let event = Trace::Client {
                    client: client.name,
                    requests: statistics.requests,
                    errors: statistics.errors,
                    max_latency: statistics.max_latency_ns,
                    parked: client.parks,
                };
                self.console.note(now, event);
            }
        }
    }

    /// A generation is losing the device: looks for its last completion.
    pub(crate) fn measure_deny(&mut self, index: usize) {
        let now = self.clock.ns(&self.kernel);
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        let last = unit.report().last_completion();
        if unit.holder.place().is_some() && unit.measure.denying(last, now) {
            self.consumed(index);
            self.kernel.mark_begin();
        }
    }

    /// The generation that has the device has reported something.
    pub(crate) fn measure_resume(&mut self, index: usize) {
        let Some(unit) = self.units.get(index) else {
            return;
        };
        let report = unit.report();
        let completed = report.first_completion() != 0;
        let submitted = completed || report.first_submission() != 0;
        if unit.measure.resumes(submitted) {
            let cpu_us = self.consumed(index);
            if let Some(unit) = self.units.get_mut(index) {
                unit.measure.resumed(cpu_us);
            }
        }
        if completed {
            self.measure_end(index);
        }
    }

    fn measure_end(&mut self, index: usize) {
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        let generation = unit.machine.holder().unwrap_or(0);
        if let Some((last, cpu_us)) = unit.measure.end() {
            let ticks = self.kernel.now().0.saturating_sub(last);
            self.kernel.mark_end();
            self.trace(Trace::Blackout {
                component: self.name(index),
                generation,
                total: self.clock.ns_of(ticks),
                cpu: cpu_us.saturating_mul(1000),
            });
        }
    }

    /// Execution time in us since the last call: `update`, `stage`, the component's generations, its clients.
    fn consumed(&self, index: usize) -> u64 {
        // A scheduling context is charged when its thread leaves the processor; yielding does it for ours.
        self.kernel.yield_now();
        let authority = &self.brief.authority;
        let clients = self.clients.iter().filter(|c| c.has(index));
        let contexts = [authority.own_sc, authority.stage_sc];
        let contexts = contexts.into_iter().chain(clients.map(|c| c.plan.sc));
        let driver = self.units.get(index).map(|unit| unit.plan.sc);
        contexts
            .chain(driver)
            .map(|sc| self.kernel.consumed(sc))
            .fold(0, u64::saturating_add)
    }
}
