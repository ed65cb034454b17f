// SPDX-License-Identifier: BSD-2-Clause
//! Faults of generations and of clients.

use molt_system::{Holder, Region};
use molt_trace::{Event as Trace, Word};
use molt_update::{Event, Reason};
use sel4::{Fault, with_ipc_buffer};
use sel4_extra::try_fault;
use sel4_microkit::{Child, MessageInfo};

use crate::grant::regions;
use crate::update::Update;

impl Update {
    /// A child faulted. Returns an answer where it is to try again at once.
    pub fn faulted(&mut self, child: Child, message: &MessageInfo) -> Option<MessageInfo> {
        let fault = with_ipc_buffer(|buffer| try_fault(buffer, message.inner()));
        let (ip, address) = match fault {
            Some(Fault::VmFault(fault)) => (fault.ip(), Some(fault.addr())),
            _ => (0, None),
        };
        let id = child.index() as u32;
        let mut units = self.units.iter();
        if let Some(index) = units.position(|unit| unit.plan.child == id) {
            self.trace_fault(self.name(index), Some(index), message.label(), ip, address);
            self.holder_failed(index, Reason::Fault);
            return None;
        }
        let client = self.clients.iter().position(|c| c.plan.child == id)?;
        let touched = address.and_then(|address| self.touched(client, address));
        match touched {
            // It was given back in the meantime.
            Some(unit) if self.units.get(unit).is_some_and(|u| u.granted) => {
                Some(MessageInfo::new(0, 0))
            }
            Some(unit) => {
                self.park(client, unit);
                None
            }
            None => {
                self.trace_fault(self.client_name(client), None, message.label(), ip, address);
                for unit in 0..self.units.len() {
                    self.give(unit, Event::ClientDied(client as u8));
                }
                None
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
            regions(self.brief, unit)
                .iter()
                .any(|region| maps(region, client, address))
        })
    }

    fn trace_fault(
        &mut self,
        domain: Word,
        unit: Option<usize>,
        label: u64,
        ip: u64,
        address: Option<u64>,
    ) {
        let unit = unit.and_then(|unit| self.units.get(unit));
        let generation = unit.and_then(|unit| unit.machine.holder()).unwrap_or(0);
        self.trace(Trace::Fault {
            domain,
            generation,
            label,
            ip,
            address: address.unwrap_or(0),
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
