// SPDX-License-Identifier: BSD-2-Clause
//! For tests: what a generation can still access after the denial.
//!
//! `update` has suspended its thread by then, but the capabilities alone have to be enough. So the thread is resumed and
//! woken, and must fault at its first access to anything that it was granted. The address of the fault is traced, and the
//! scenario checks it.

use molt_clock::Ticks;
use molt_control::Order;
use molt_trace::{Event as Trace, WordRef};

use crate::holder::Place;
use crate::{Fault, Kernel, Result, Supervisor, Thread};

/// How long it may run, in us. A fault ends the wait, so only a generation that can still access what it should not takes this long;
/// and a busy host may keep the emulated processor from running for many milliseconds.
const WAIT_US: u64 = 200_000;

impl<'m, K: Kernel<'m>> Supervisor<'m, K> {
    /// The generation at `place` has just been denied; the next one is granted right after this.
    pub(crate) fn try_old(&mut self, index: usize, place: Place) {
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        // It has its control pages still, which no other generation has. It must get no further.
        unit.orders().order(Order::Run);
        let (kernel, plan, generation) = (&self.kernel, unit.plan, unit.departed.generation);
        let started = kernel.start(plan, place.tcb, unit.ports.fault);
        kernel.notify(plan.channel);
        let wait = kernel.frequency().ticks(WAIT_US * 1000);
        let end = Ticks(kernel.now().0 + wait.0);
        let timer = self.brief.timer_channel;
        let fault = started
            .ok()
            .and_then(|()| kernel.await_fault(plan.child, timer, end));
        let ended = end_again(kernel, place, plan.sc);
        // The wait has changed the alarm.
        self.clock.woken_early();
        if let Err(error) = ended {
            self.failed("old", error);
        }
        let fault = fault.unwrap_or(Fault {
            label: 0,
            ip: 0,
            access: None,
        });
        let address = fault.access.map_or(0, |access| access.address);
        self.trace(Trace::Fault {
            domain: self.name(index),
            generation,
            label: fault.label,
            ip: fault.ip,
            address,
        });
        self.trace(Trace::Value {
            name: WordRef("old-faulted-at"),
            value: address,
        });
    }
}

/// Restores the state that the denial has left.
fn end_again<'m>(kernel: &impl Kernel<'m>, place: Place, sc: molt_system::VaultSlot) -> Result {
    kernel.suspend(Thread::Vault(place.tcb))?;
    kernel.unbind_port(place.tcb)?;
    kernel.unbind_time(sc)
}
