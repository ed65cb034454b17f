// SPDX-License-Identifier: BSD-2-Clause
//! Interrupts: handlers, and delivery. A line is masked from its delivery until it is acknowledged.

use crate::{
    cap::{Cap, WRITE},
    error::Error,
    fault::Fault,
    hardware::{Hardware, Trigger, VcpuId},
    invocation::{Call, Label, Outcome},
    kernel::Kernel,
    objects::{IrqLine, Queued},
    slots::SlotRef,
};

impl<H: Hardware> Kernel<H> {
    fn irq_slot(&self, irq: u32) -> SlotRef {
        SlotRef {
            table: self.irq_table,
            index: irq,
        }
    }

    /// A device's interrupt has come.
    pub(crate) fn device_interrupt(&mut self, irq: u32) {
        self.hw.irq_set_masked(irq, true);
        if self.irqs.get(irq as usize) != Some(&IrqLine::Issued) {
            return;
        }
        if let Cap::Notification { id, rights, badge } = self.slots.get(self.irq_slot(irq)).cap
            && rights & WRITE != 0
        {
            self.signal(id, badge);
        }
    }

    /// A private interrupt of the guest that runs.
    pub(crate) fn vppi_event(&mut self, irq: u32) {
        let Some(thread) = self.current else {
            self.hw.irq_set_masked(irq, true);
            return;
        };
        let Some(vcpu) = self.tcbs[thread].vcpu else {
            self.hw.irq_set_masked(irq, true);
            return;
        };
        if !self.runs_on(thread) {
            return;
        }
        let state = &mut self.vcpus[vcpu].arch;
        self.hw.vppi_set_masked(VcpuId(vcpu), state, irq, true);
        self.deliver_fault(thread, Fault::Vppi(irq));
    }

    /// The virtual interrupt controller of the guest that runs wants its monitor.
    pub(crate) fn vgic_maintenance(&mut self) {
        if let Some(thread) = self.current
            && self.tcbs[thread].vcpu.is_some()
            && self.runs_on(thread)
        {
            let index = self.hw.vgic_take_ended();
            self.deliver_fault(thread, Fault::VgicMaintenance(index));
        }
    }

    /// Whether the current thread still has its turn. If its time has just ended, an interrupt of its vCPU's, which is
    /// level-triggered, is left alone and comes again in its next turn. A thread that was stopped by a fault now would be resumed at
    /// the head of its priority's queue, with a new slice: one that has such interrupts all the time would starve the others.
    fn runs_on(&self, thread: u32) -> bool {
        self.schedulable(thread) && self.tcbs[thread].queued == Queued::No
    }

    pub(crate) fn invoke_irq_control(
        &mut self,
        at: SlotRef,
        call: &Call,
    ) -> Result<Outcome, Error> {
        let (trigger, first) = match call.label {
            Label::IRQ_ISSUE_HANDLER => {
                call.require(3, 1)?;
                (None, 1)
            }
            Label::IRQ_ISSUE_HANDLER_TRIGGER => {
                call.require(4, 1)?;
                let trigger = match call.word(1)? {
                    0 => Trigger::Level,
                    _ => Trigger::Edge,
                };
                (Some(trigger), 2)
            }
            _ => return Err(Error::IllegalOperation),
        };
        let number = call.word(0)?;
        let line = usize::try_from(number).ok().and_then(|n| self.irqs.get(n));
        match line {
            None => {
                let last = (self.irqs.len() as u64).saturating_sub(1);
                return Err(Error::Range(0, last));
            }
            Some(IrqLine::Free) => {}
            Some(_) => return Err(Error::RevokeFirst),
        }
        let irq = number as u32;
        let to = self.lookup_empty(call.cap(0)?.1, call.word(first)?, call.word(first + 1)?)?;
        if let Some(trigger) = trigger {
            self.hw.irq_set_trigger(irq, trigger);
        }
        if let Some(line) = self.irqs.get_mut(irq as usize) {
            *line = IrqLine::Issued;
        }
        self.hw.irq_set_masked(irq, false);
        self.slots.derive(at, to, Cap::IrqHandler { irq });
        Ok(Outcome::Done)
    }

    pub(crate) fn invoke_irq_handler(&mut self, irq: u32, call: &Call) -> Result<Outcome, Error> {
        let at = self.irq_slot(irq);
        match call.label {
            Label::IRQ_ACK => self.hw.irq_set_masked(irq, false),
            Label::IRQ_SET_HANDLER => {
                let (from, cap) = call.cap(0)?;
                match cap {
                    Cap::Notification { rights, .. } if rights & WRITE != 0 => {}
                    _ => return Err(Error::InvalidCapability(0)),
                }
                self.slots.prepare(at)?;
                self.delete_slot(at);
                // The old binding may have been the last capability to the same notification.
                if self.slots.get(from).cap.same_object(&cap) {
                    self.slots.derive(from, at, cap);
                }
            }
            Label::IRQ_CLEAR_HANDLER => self.delete_slot(at),
            _ => return Err(Error::IllegalOperation),
        }
        Ok(Outcome::Done)
    }

    /// The last handler capability goes.
    pub(crate) fn delete_irq_handler(&mut self, irq: u32) {
        self.hw.irq_set_masked(irq, true);
        if let Some(line) = self.irqs.get_mut(irq as usize) {
            *line = IrqLine::Free;
        }
        self.delete_slot(self.irq_slot(irq));
    }
}
