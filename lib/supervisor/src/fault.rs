// SPDX-License-Identifier: BSD-2-Clause
//! Faults of generations and of clients.

use molt_system::{Holder, Region};
use molt_trace::{Event as Trace, WordRef};
use molt_update::Reason;

use crate::{Kernel, Standing, Supervisor};

/// A fault, as the kernel reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The message's label.
    pub label: u64,
    /// Address of the instruction; 0 if it is not known.
    pub ip: u64,
    /// The access, for a fault of memory.
    pub access: Option<Access>,
}

/// An access that faulted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Virtual address.
    pub address: u64,
    /// The thread fetched an instruction.
    pub fetch: bool,
    /// The fault's syndrome (Arm ARM D24.2.40, `ESR_ELx`).
    pub syndrome: u64,
}

impl Access {
    /// Whether there was no mapping: a translation fault at any level, of data. (DFSC, `ESR_ELx`\[5:0\]: `0b0001xx`.)
    /// Granting the region does not help with any other fault: an access that the client is not allowed, or an instruction
    /// fetch, since regions are not executable.
    fn missed(&self) -> bool {
        !self.fetch && self.syndrome & 0b11_1100 == 0b00_0100
    }
}

impl<'m, K: Kernel<'m>> Supervisor<'m, K> {
    /// A child faulted. Returns whether it has to try again at once.
    ///
    /// A fault of a generation is its failure. A client that touched one of its regions (a translation fault
    /// of data) is told to try again if the region is granted, and is parked if not. After any other fault a client is dead.
    pub fn faulted(&mut self, child: u32, fault: Fault) -> bool {
        self.look_at_deferrals();
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
        let access = fault.access.filter(Access::missed);
        match access.and_then(|access| self.touched(client, access.address)) {
            // The region was granted again in the meantime.
            Some(unit) if self.has_regions(client, unit) => true,
            Some(unit) if self.lend(unit, client) => true,
            Some(unit) => {
                self.park(client, unit);
                false
            }
            None => {
                self.trace_fault(self.client_name(client), None, fault);
                self.exclude(client, Standing::Dead);
                false
            }
        }
    }

    /// Whether a client has its regions of a component: not one that was let in again, until the next grant.
    fn has_regions(&self, client: usize, unit: usize) -> bool {
        let believed = self.standing(client) == Some(Standing::Believed);
        let unit = self.units.get(unit);
        believed && unit.is_some_and(|unit| unit.holder.granted_to(client))
    }

    /// Parks a client. The reply object is used again for the next fault, so a parked client is resumed to continue.
    fn park(&mut self, client: usize, unit: usize) {
        let component = self.name(unit);
        if let Some(client) = self.clients.get_mut(client) {
            client.parked = Some(unit);
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

    fn trace_fault(&mut self, domain: WordRef<'m>, unit: Option<usize>, fault: Fault) {
        let unit = unit.and_then(|unit| self.units.get(unit));
        let generation = unit.and_then(|unit| unit.machine.holder()).unwrap_or(0);
        self.trace(Trace::Fault {
            domain,
            generation,
            label: fault.label,
            ip: fault.ip,
            address: fault.access.map_or(0, |access| access.address),
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
