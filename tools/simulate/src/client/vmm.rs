// SPDX-License-Identifier: BSD-2-Clause
//! A client that is a VMM: it follows its gate by itself, and its guest makes the requests.

use std::sync::atomic::Ordering;

use molt_gate::{Account, COMPONENTS, Change};

use super::port::Port;
use super::{Manner, Turn};
use crate::machine::Machine;
use crate::world::{Actor, World};

/// What a client has that is a VMM.
pub struct Vmm {
    pub machine: Machine,
    /// What the VMM has written as its account last, and what stands there: a hostile one's lies.
    account: u64,
    written: u64,
    /// It touches its region.
    touching: bool,
}

impl Vmm {
    pub const fn new(machine: Machine) -> Self {
        Self {
            machine,
            account: 0,
            written: 0,
            touching: false,
        }
    }

    /// Whether it has accused its driver of one more violation since this was last asked. Its queue is closed then.
    fn accuses(&mut self, port: &Port) -> bool {
        let word = port.to_update[COMPONENTS + port.component].load(Ordering::Relaxed);
        if word == self.written {
            return false;
        }
        self.written = word;
        let before = std::mem::replace(&mut self.account, word);
        violations(word) > violations(before)
    }
}

/// Of an account's word.
const fn violations(word: u64) -> u64 {
    word >> 16
}

impl Port {
    /// Does everything there is to do.
    pub(super) fn turn_of_vmm(&mut self, vmm: &mut Vmm, manner: Manner, world: &mut World) -> Turn {
        let opens = matches!(self.gate.change(), Some(Change::Open(..)));
        let ignores = manner == Manner::Ignores && self.gate.change().is_some();
        if (vmm.touching || opens && !ignores) && !self.touches(world) {
            return self.faults();
        }
        if !ignores {
            vmm.machine.poll(world);
            let accuses = vmm.accuses(self);
            let mut opened = false;
            // The VMM has followed and acknowledged what there was.
            while let Some(change) = self.gate.change() {
                opened = matches!(change, Change::Open(..));
                vmm.touching = opened;
                vmm.machine.changed(change, world);
                self.gate.acknowledge(change);
                // The guest has something to do when its disk goes, and when it comes.
                self.wanted += world.choices.below(8);
            }
            if accuses {
                vmm.machine.doubt();
                vmm.touching &= opened;
            }
            vmm.machine.check(world);
            vmm.machine.run(world, &mut self.wanted);
            if vmm.accuses(self) {
                vmm.machine.doubt();
                vmm.touching = false;
            }
        }
        self.lie(vmm, manner, world);
        self.look(world.now);
        Turn::Done
    }

    /// One that accuses its driver, or claims that it waits, writes so over what the VMM says.
    fn lie(&self, vmm: &mut Vmm, manner: Manner, world: &mut World) {
        let lies = self.account.violations > 0 || manner == Manner::Owes;
        if !lies || manner == Manner::Scribbles {
            return;
        }
        let owed = match manner {
            Manner::Owes => 5,
            _ => vmm.machine.owed() as u16,
        };
        self.gate.account(Account {
            violations: self.account.violations + violations(vmm.account),
            owed,
        });
        vmm.written = self.to_update[COMPONENTS + self.component].load(Ordering::Relaxed);
        world.signal(Actor::Update);
    }
}
