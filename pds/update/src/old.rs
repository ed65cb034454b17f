// SPDX-License-Identifier: BSD-2-Clause
//! For tests: what a generation can still reach when everything has been taken from it.
//!
//! `update` has stopped its thread by then; capabilities must hold it without that. So it is let run on and woken, and must
//! fault at its first touch of anything that it was granted. Where it did goes to the trace, and to the scenario's judge.

use molt_system::cspace::{INPUT, REPLY};
use molt_trace::{Event as Trace, Word};
use sel4::{Fault, MessageInfo, Result, cap, cap_type, with_ipc_buffer};

use crate::setup::FAULT;
use crate::unit::Place;
use crate::update::Update;
use crate::vault::capability;

/// How long it has, in us.
const WAIT_US: u64 = 1_000;

impl Update {
    /// The generation at `place` has just been denied; the next one is granted right after this.
    pub fn try_old(&mut self, index: usize, place: Place) {
        let Some(unit) = self.units.get(index) else {
            return;
        };
        let (sc, child, generation) = (unit.plan.sc, unit.plan.child, unit.before);
        let started = unit.start(&self.brief.authority, &self.fixed, place);
        unit.driver.notify();
        let message = started.ok().and_then(|()| self.await_fault(child));
        let fault = message
            .as_ref()
            .and_then(|m| with_ipc_buffer(|buffer| sel4_extra::try_fault(buffer, m)));
        if let Err(error) = end(place, capability(sc)) {
            self.failed("old", error);
        }
        let (ip, address) = match &fault {
            Some(Fault::VmFault(fault)) => (fault.ip(), fault.addr()),
            _ => (0, 0),
        };
        self.trace(Trace::Fault {
            domain: self.name(index),
            generation,
            label: message.map_or(0, |message| message.label()),
            ip,
            address,
        });
        self.trace(Trace::Value {
            name: Word::new("old-faulted-at"),
            value: address,
        });
    }

    /// Waits for a child's fault. Signals that come meanwhile say nothing that the next turn does not see.
    fn await_fault(&mut self, child: u32) -> Option<MessageInfo> {
        let input: cap::Endpoint = sel4::Cap::from_bits(INPUT);
        let reply: cap::Reply = sel4::Cap::from_bits(REPLY);
        let end = self.clock.us() + WAIT_US;
        while self.clock.us() < end {
            self.clock.wake_at(Some(end));
            let (message, badge) = input.recv(reply);
            self.clock.woken();
            if badge == FAULT | u64::from(child) {
                return Some(message);
            }
        }
        None
    }
}

/// As it was left by the denial.
fn end(place: Place, sc: cap::SchedContext) -> Result<()> {
    let tcb = capability::<cap_type::Tcb>(place.tcb);
    tcb.tcb_suspend()?;
    tcb.tcb_unbind_notification()?;
    sc.unbind()
}
