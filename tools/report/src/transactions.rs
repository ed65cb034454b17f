// SPDX-License-Identifier: BSD-2-Clause
//! Reconstructs the transactions from the trace's events.

use std::collections::BTreeMap;

use molt_trace::Event;

use crate::result::Update;

/// The answer to an offer while another one is under way; that one is not disturbed by it.
const BUSY: &str = "busy";

/// [`Update::kind`] with firmware.
const FIRMWARE: &str = "firmware";

/// All transactions so far.
#[derive(Debug, Default)]
pub struct Transactions {
    updates: Vec<Update>,
    /// By component: which one was opened last, and the generation that runs.
    last: BTreeMap<String, usize>,
    running: BTreeMap<String, u64>,
}

impl Transactions {
    /// The ended ones, in the order in which they were opened.
    pub fn ended(&self) -> impl Iterator<Item = &Update> {
        self.updates.iter().filter(|u| !u.outcome.is_empty())
    }

    /// Whether one is open.
    pub fn under_way(&self) -> bool {
        self.updates.iter().any(|u| u.outcome.is_empty())
    }

    /// Takes one event in.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Offered { component, .. } => {
                self.open(component.as_str());
            }
            Event::Refused {
                component, reason, ..
            } => self.refused(component.as_str(), reason.as_str()),
            Event::Transferred {
                component,
                other: 1,
                ..
            } => {
                if let Some(update) = self.current(component.as_str()) {
                    FIRMWARE.clone_into(&mut update.kind);
                }
            }
            Event::Denied {
                component,
                technique,
            } => {
                if let Some(update) = self.current(component.as_str()) {
                    update.technique = technique.as_str().to_owned();
                }
            }
            Event::Committed {
                component,
                from,
                to,
                ..
            } => self.end(component.as_str(), "committed", Some((*from, *to)), None),
            Event::KeysExchanged { component, .. } => {
                self.end(component.as_str(), "keys exchanged", None, None);
            }
            Event::RolledBack {
                component,
                to,
                reason,
                ..
            } => {
                let from = self.running.get(component.as_str()).copied().unwrap_or(0);
                self.end(
                    component.as_str(),
                    "rolled back",
                    Some((from, *to)),
                    Some(reason.as_str()),
                );
            }
            Event::OutOfService { component, reason } => {
                self.end(
                    component.as_str(),
                    "out of service",
                    None,
                    Some(reason.as_str()),
                );
            }
            Event::Blackout {
                component,
                total,
                cpu,
                ..
            } => {
                if let Some(update) = self.current(component.as_str()) {
                    update.blackout_ns = *total;
                    update.blackout_cpu_ns = *cpu;
                    update.activation_ns = (update.kind == FIRMWARE).then_some(*total);
                }
            }
            Event::Stage {
                component,
                name,
                ns,
                ..
            } => {
                if let Some(update) = self.current(component.as_str()) {
                    if name.as_str() == "transfer" && update.kind == FIRMWARE {
                        update.transfer_ns = Some(*ns);
                    }
                    update.stages.insert(name.as_str().to_owned(), *ns);
                }
            }
            _ => {}
        }
    }

    fn open(&mut self, component: &str) -> &mut Update {
        let running = self.running.get(component).copied().unwrap_or(0);
        self.last.insert(component.to_owned(), self.updates.len());
        self.updates.push(Update {
            component: component.to_owned(),
            kind: "driver".to_owned(),
            from: running,
            to: running,
            ..Update::default()
        });
        let last = self.updates.len() - 1;
        &mut self.updates[last]
    }

    fn current(&mut self, component: &str) -> Option<&mut Update> {
        self.updates.get_mut(*self.last.get(component)?)
    }

    fn refused(&mut self, component: &str, reason: &str) {
        let open = self
            .current(component)
            .is_some_and(|update| update.outcome.is_empty());
        if !open || reason == BUSY {
            let kept = self.last.get(component).copied();
            self.open(component);
            self.end(component, "refused", None, Some(reason));
            if let Some(kept) = kept {
                self.last.insert(component.to_owned(), kept);
            }
        } else {
            self.end(component, "refused", None, Some(reason));
        }
    }

    fn end(
        &mut self,
        component: &str,
        outcome: &str,
        generations: Option<(u64, u64)>,
        reason: Option<&str>,
    ) {
        if let Some((_, to)) = generations {
            self.running.insert(component.to_owned(), to);
        }
        // An end without an offer: the committed driver has failed. It is counted like an update.
        let update = match self.last.get(component) {
            Some(index)
                if self
                    .updates
                    .get(*index)
                    .is_some_and(|u| u.outcome.is_empty()) =>
            {
                &mut self.updates[*index]
            }
            _ => self.open(component),
        };
        update.outcome = outcome.to_owned();
        update.reason = reason.map(str::to_owned);
        if let Some((from, to)) = generations {
            (update.from, update.to) = (from, to);
        }
    }
}
