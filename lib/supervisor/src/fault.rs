// SPDX-License-Identifier: BSD-2-Clause
//! Faults of generations and of clients.

use molt_system::{Holder, Region};
use molt_trace::{Event as Trace, Word};
use molt_update::{Event, Reason};

use crate::{Kernel, Supervisor};

/// A fault, as the kernel told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The message's label.
    pub label: u64,
    /// Where the thread was; 0 if that is not known.
    pub ip: u64,
    /// What it touched, for a fault of memory.
    pub address: Option<u64>,
}

impl<'m, K: Kernel<'m>> Supervisor<'m, K> {
    /// A child faulted. Returns whether it is to try again at once.
    pub fn faulted(&mut self, child: u32, fault: Fault) -> bool {
        let again = self.judge(child, fault);
        self.turn();
        again
    }

    fn judge(&mut self, child: u32, fault: Fault) -> bool {
        let mut units = self.units.iter();
        if let Some(index) = units.position(|unit| unit.plan.child == child) {
            self.trace_fault(self.name(index), Some(index), fault);
            self.holder_failed(index, Reason::Fault);
            return false;
        }
        let Some(client) = self.clients.iter().position(|c| c.plan.child == child) else {
            return false;
        };
        let touched = fault
            .address
            .and_then(|address| self.touched(client, address));
        match touched {
            // It was given back in the meantime.
            Some(unit) if self.units.get(unit).is_some_and(|u| u.holder.granted()) => true,
            Some(unit) => {
                self.park(client, unit);
                false
            }
            None => {
                self.trace_fault(self.client_name(client), None, fault);
                for unit in 0..self.units.len() {
                    self.give(unit, Event::ClientDied(client as u8));
                }
                false
            }
        }
    }

    /// The reply object is used again for the next fault: a parked client goes on by being resumed.
    fn park(&mut self, client: usize, unit: usize) {
        let component = self.name(unit);
        if let Some(client) = self.clients.get_mut(client) {
            client.parked = true;
            client.parks += 1;
        }
        self.trace(Trace::Parked {
            client: self.client_name(client),
            component,
        });
    }

    /// The component whose region a client touches at this address.
    fn touched(&self, client: usize, address: u64) -> Option<usize> {
        self.units.iter().position(|unit| {
            let mut regions = unit.estate.regions.iter();
            regions.any(|region| maps(region, client, address))
        })
    }

    fn trace_fault(&mut self, domain: Word, unit: Option<usize>, fault: Fault) {
        let unit = unit.and_then(|unit| self.units.get(unit));
        let generation = unit.and_then(|unit| unit.machine.holder()).unwrap_or(0);
        self.trace(Trace::Fault {
            domain,
            generation,
            label: fault.label,
            ip: fault.ip,
            address: fault.address.unwrap_or(0),
        });
    }
}

fn maps(region: &Region, client: usize, address: u64) -> bool {
    region.mappings().iter().any(|mapping| {
        mapping.holder() == Holder::Client(client)
            && address
                .checked_sub(mapping.vaddr)
                .is_some_and(|offset| offset < region.size)
    })
}
