// SPDX-License-Identifier: BSD-2-Clause
//! Has the entries of a script happen.

use std::sync::atomic::Ordering;

use molt_control::digest::bytes;
use molt_update::Machine;

use super::{Step, System, TRANSLATION};
use crate::client::Wish;
use crate::driver::Kind;
use crate::plan::{self, CLIENTS};
use crate::script::What;
use crate::shape::COMPONENTS;
use crate::stage::{Bundle, Flaw, Staged};
use crate::world::Actor;

impl System {
    pub(super) fn play(&mut self, n: usize) {
        self.played += 1;
        self.rung = self.world.borrow().now;
        let mut world = self.world.borrow_mut();
        match self.script[n].1 {
            What::Offer {
                client,
                component,
                kind,
                other,
                ahead,
                then,
            } => {
                drop(world);
                let mut kinds = [other; COMPONENTS];
                kinds[component] = Some(kind);
                let bundle = Bundle {
                    kinds,
                    ..self.bundle(component, other.is_some(), ahead)
                };
                self.offer(client, component, Staged::Bundle(bundle), then);
            }
            What::Exchanges { client } => self.exchanges[client] = true,
            What::Keys {
                client,
                component,
                ahead,
                then,
            } => {
                let list = self.parts[component].keys + ahead;
                drop(world);
                self.offer(client, component, Staged::Keys(list), then);
            }
            What::OldKey { client, component } => {
                drop(world);
                let mut bundle = self.bundle(component, false, 1);
                bundle.kinds[component] = Some(Kind::Good);
                bundle.keys = bundle.keys.map(|key| key.saturating_sub(1));
                let staged = Staged::Bundle(bundle);
                self.offer(client, component, staged, Some(Wish::Confirm));
            }
            What::Ring {
                client,
                component,
                wish,
            } => {
                self.forgiven += u8::from(wish == Wish::Forgive);
                self.clients[client].ring(&mut world, component, wish);
            }
            What::Types(line) => {
                // A component that comes back begins its count anew.
                match line {
                    "restore disk" => self.parts[0].crashes = 0,
                    "restore backup" => self.parts[1].crashes = 0,
                    _ => {}
                }
                self.forgiven += u8::from(line.starts_with("readmit"));
                self.operator.line(line);
                world.signal(Actor::Update);
            }
            What::Forces { component } => {
                let unit = self.supervisor.units().get(component);
                if let Some(image) = unit.and_then(|unit| unit.machine().candidate()) {
                    let digest = bytes(image.digest).map(|byte| format!("{byte:02x}"));
                    let name = plan::NAMES[component];
                    self.operator
                        .line(format!("force {name} {}", digest.concat()));
                    world.signal(Actor::Update);
                }
            }
            What::Defers {
                client,
                component,
                us,
            } => {
                let until = if us == 0 { 0 } else { world.now + us };
                // Where it has to give the device up, its VMM says so, and it may not.
                let may = plan::consents(self.places.shape, client) & 1 << component == 0;
                if may && self.clients[client].defer(component, until) {
                    world.signal(Actor::Update);
                }
            }
            What::Hostile { client, manner } => {
                self.clients[client].manner = manner;
                world.signal(Actor::Client(client));
            }
            What::Crash { component } => {
                let part = &mut self.parts[component];
                part.crashes += 1;
                if let Some(driver) = &mut part.driver {
                    driver.crashed = true;
                    let runs = world.calls.runs(plan::tcb(component, driver.arena));
                    drop(world);
                    if runs {
                        let child = plan::DRIVER_CHILD + component as u32;
                        self.fault(child, 0x20, false, TRANSLATION);
                    }
                }
            }
            What::Hang { component } => {
                let part = &mut self.parts[component];
                part.crashes += 1;
                if let Some(driver) = &mut part.driver {
                    driver.crashed = true;
                }
            }
            What::Stage(flaw) => {
                self.stage.flaw = Some(flaw);
                self.excused |= flaw != Flaw::Twice;
            }
            What::Stops { component, takes } => {
                world.devices[component].takes = takes;
                self.excused |= takes.is_none();
            }
            What::CallFails(after) => {
                world.fails_in = Some(after);
                self.excused = true;
            }
            What::ReportSpoilt {
                component,
                word,
                value,
            } => {
                let part = &mut self.parts[component];
                let arena = part.driver.as_ref().map_or(0, |driver| driver.arena);
                let at = self.places.of(component).control[arena].1 + 8 * word;
                world.ram.word(at).store(value, Ordering::Relaxed);
                part.spoilt = true;
            }
        }
    }

    /// A bundle without images, signed with the keys in force. `ahead`: its sequence number above the committed one of the component,
    /// or of `all`.
    fn bundle(&mut self, component: usize, all: bool, ahead: u64) -> Bundle {
        self.bundles += 1;
        let committed = |machine: &Machine| machine.committed().sequence;
        let units = self.supervisor.units().iter().enumerate();
        let those = units.filter(|(n, _)| all || *n == component);
        let committed = those.map(|(_, unit)| committed(unit.machine())).max();
        let mut keys = [0; COMPONENTS];
        for (key, part) in keys.iter_mut().zip(&self.parts) {
            *key = part.keys;
        }
        Bundle {
            number: self.bundles,
            kinds: [None; COMPONENTS],
            sequence: committed.unwrap_or(0) + ahead,
            keys,
        }
    }

    /// A client offers something, and rings again a little later.
    fn offer(&mut self, client: usize, component: usize, what: Staged, then: Option<Wish>) {
        let mut world = self.world.borrow_mut();
        self.staged[client] = what;
        self.clients[client].wants(8);
        self.clients[client].ring(&mut world, component, Wish::Offer);
        for client in 0..CLIENTS {
            world.signal(Actor::Client(client));
        }
        let at = world.now + 100 + world.choices.below(2_000);
        drop(world);
        if let Some(then) = then {
            self.put_off(at, Step::Ring(client, component, then));
        }
    }
}
