// SPDX-License-Identifier: BSD-2-Clause
//! Virtual CPUs.

use crate::{
    cap::Cap,
    error::Error,
    hardware::{Hardware, InjectError, VcpuId, VirtualIrq},
    invocation::{Call, Label, Outcome},
    kernel::Kernel,
};

/// `seL4_VCPUReg_Num`.
const REGISTERS: u64 = 24;
/// The one private interrupt that is passed on: the virtual timer.
const VTIMER: u64 = 27;
const MAX_VIRQ: u64 = 1023;
const MAX_PRIORITY: u64 = 31;
const MAX_GROUP: u64 = 1;

impl<H: Hardware> Kernel<H> {
    /// Take a vCPU from its thread.
    pub(crate) fn dissociate_vcpu(&mut self, id: u32) {
        let vcpu = &mut self.vcpus[id];
        self.hw.vcpu_unload(VcpuId(id), &mut vcpu.arch);
        if let Some(thread) = vcpu.tcb.take()
            && let Some(tcb) = self.tcbs.get_mut(thread)
        {
            tcb.vcpu = None;
            tcb.context.spsr = crate::fault::sanitise_spsr(tcb.context.spsr, false);
        }
    }

    /// The vCPU goes.
    pub(crate) fn delete_vcpu(&mut self, id: u32) {
        self.dissociate_vcpu(id);
        self.vcpus.remove(id);
    }

    pub(crate) fn invoke_vcpu(&mut self, id: u32, call: &Call) -> Result<Outcome, Error> {
        match call.label {
            Label::VCPU_SET_TCB => {
                let Cap::Tcb { id: thread } = call.cap(0)?.1 else {
                    return Err(Error::IllegalOperation);
                };
                if let Some(old) = self.tcbs[thread].vcpu {
                    self.dissociate_vcpu(old);
                }
                self.dissociate_vcpu(id);
                self.vcpus[id].tcb = Some(thread);
                self.tcbs[thread].vcpu = Some(id);
            }
            Label::VCPU_INJECT_IRQ => self.inject(id, call.word(0)?)?,
            Label::VCPU_READ_REG => {
                let register = register(call.word(0)?)?;
                let state = &mut self.vcpus[id].arch;
                let value = self.hw.vcpu_read(VcpuId(id), state, register);
                return Ok(Outcome::Word(value));
            }
            Label::VCPU_WRITE_REG => {
                call.require(2, 0)?;
                let register = register(call.word(0)?)?;
                let state = &mut self.vcpus[id].arch;
                self.hw
                    .vcpu_write(VcpuId(id), state, register, call.word(1)?);
            }
            Label::VCPU_ACK_VPPI => {
                let irq = call.word(0)?;
                let lines = self.irqs.len() as u64;
                if irq >= lines {
                    return Err(Error::Range(0, lines.saturating_sub(1)));
                }
                if irq != VTIMER {
                    return Err(Error::InvalidArgument(0));
                }
                let state = &mut self.vcpus[id].arch;
                self.hw
                    .vppi_set_masked(VcpuId(id), state, irq as u32, false);
            }
            _ => return Err(Error::IllegalOperation),
        }
        Ok(Outcome::Done)
    }

    fn inject(&mut self, id: u32, word: u64) -> Result<(), Error> {
        let virq = word & 0xffff;
        let priority = word >> 16 & 0xff;
        let group = word >> 24 & 0xff;
        let index = word >> 32 & 0xff;
        for (value, max) in [
            (virq, MAX_VIRQ),
            (priority, MAX_PRIORITY),
            (group, MAX_GROUP),
        ] {
            if value > max {
                return Err(Error::Range(0, max));
            }
        }
        let irq = VirtualIrq {
            virq: virq as u16,
            priority: priority as u8,
            group: group as u8,
            index: index as u8,
        };
        let state = &mut self.vcpus[id].arch;
        match self.hw.vcpu_inject(VcpuId(id), state, irq) {
            Ok(()) => Ok(()),
            Err(InjectError::NoSuchListRegister(count)) => {
                Err(Error::Range(0, u64::from(count).saturating_sub(1)))
            }
            Err(InjectError::InUse) => Err(Error::DeleteFirst),
        }
    }
}

fn register(number: u64) -> Result<u32, Error> {
    match u32::try_from(number) {
        Ok(register) if number < REGISTERS => Ok(register),
        _ => Err(Error::InvalidArgument(1)),
    }
}
