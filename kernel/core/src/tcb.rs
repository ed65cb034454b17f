// SPDX-License-Identifier: BSD-2-Clause
//! Threads: their states, and the invocations that change them.

use crate::{
    cap::{Cap, READ, WRITE},
    context::UserContext,
    error::Error,
    fault::sanitise_spsr,
    hardware::Hardware,
    invocation::{Call, Label, Outcome, may_be_answered},
    kernel::Kernel,
    objects::{State, TCB_BUFFER, TCB_CSPACE, TCB_FAULT, TCB_TIMEOUT, TCB_VSPACE},
    slots::SlotRef,
};

/// `seL4_UserContext` after pc, sp, spsr: general registers in this order, then TPIDR_EL0 and
/// TPIDRRO_EL0.
pub(crate) const REGISTER_ORDER: [usize; 31] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 17, 18, 29, 30, 9, 10, 11, 12, 13, 14, 15, 19, 20, 21, 22, 23,
    24, 25, 26, 27, 28,
];
/// Words of `seL4_UserContext`, and of its first part ("frame registers").
pub(crate) const CONTEXT_WORDS: usize = 36;
const FRAME_WORDS: usize = 17;
/// IPC buffers are aligned to their size.
const BUFFER_BYTES: u64 = 1024;
/// `seL4_TCBFlag_MASK`.
const FLAGS: u64 = 1;

/// A word of `seL4_UserContext`.
pub(crate) fn get_register(context: &UserContext, index: usize) -> u64 {
    match index {
        0 => context.pc,
        1 => context.sp,
        2 => context.spsr,
        34 => context.tpidr_el0,
        35 => context.tpidrro_el0,
        _ => index
            .checked_sub(3)
            .and_then(|i| REGISTER_ORDER.get(i))
            .and_then(|r| context.x.get(*r))
            .copied()
            .unwrap_or(0),
    }
}

/// Change a word of `seL4_UserContext`; values that a thread must not have are made harmless.
fn set_register(context: &mut UserContext, index: usize, value: u64, vcpu: bool) {
    match index {
        0 => {
            context.pc = value;
            context.next_pc = value;
        }
        1 => context.sp = value,
        2 => context.spsr = sanitise_spsr(value, vcpu),
        34 => context.tpidr_el0 = value,
        35 => context.tpidrro_el0 = value,
        _ => {
            if let Some(register) = index
                .checked_sub(3)
                .and_then(|i| REGISTER_ORDER.get(i))
                .and_then(|r| context.x.get_mut(*r))
            {
                *register = value;
            }
        }
    }
}

impl<H: Hardware> Kernel<H> {
    /// Stop, whatever it does.
    pub(crate) fn suspend(&mut self, id: u32) {
        self.cancel_ipc(id);
        if self.tcbs[id].state == State::Running {
            // When it is resumed it continues after its last instruction.
            let context = &mut self.tcbs[id].context;
            context.pc = context.next_pc;
        }
        self.set_state(id, State::Inactive);
        self.dequeue(id);
        self.cancel_yield_to(id);
    }

    /// Run from its restart address, if it is stopped or waiting.
    pub(crate) fn resume(&mut self, id: u32) {
        if self.runnable(id) {
            return;
        }
        self.cancel_ipc(id);
        self.tcbs[id].fault = None;
        self.set_state(id, State::Restart);
        if let Some(sc) = self.tcbs[id].sc {
            if self.contexts[sc].sporadic && self.scheduler.sc != Some(sc) {
                self.unblock_refills(sc);
            }
            self.resume_context(sc);
        }
        if self.schedulable(id) {
            self.possible_switch_to(id);
        }
    }

    pub(crate) fn set_priority(&mut self, id: u32, priority: u8) {
        let queued = self.tcbs[id].queued;
        if queued == crate::objects::Queued::Ready {
            self.dequeue(id);
        }
        self.tcbs[id].priority = priority;
        if self.current == Some(id) {
            self.reschedule();
        } else if queued == crate::objects::Queued::Ready {
            self.enqueue(id, true);
            self.reschedule();
        } else {
            self.reorder(id);
        }
    }

    pub(crate) fn invoke_tcb(&mut self, id: u32, call: &Call) -> Result<Outcome, Error> {
        match call.label {
            Label::TCB_READ_REGISTERS => return self.read_registers(id, call),
            Label::TCB_WRITE_REGISTERS => self.write_registers(id, call)?,
            Label::TCB_COPY_REGISTERS => self.copy_registers(id, call)?,
            Label::TCB_CONFIGURE => self.configure_tcb(id, call)?,
            Label::TCB_SET_PRIORITY => {
                call.require(1, 1)?;
                let priority = self.checked_priority(call, call.word(0)?)?;
                self.set_priority(id, priority);
            }
            Label::TCB_SET_MC_PRIORITY => {
                call.require(1, 1)?;
                self.tcbs[id].mcp = self.checked_priority(call, call.word(0)?)?;
            }
            Label::TCB_SET_SCHED_PARAMS => self.set_sched_params(id, call)?,
            Label::TCB_SET_TIMEOUT_ENDPOINT => {
                let (slot, cap) = call.cap(0)?;
                let cap = self.handler_cap(cap, 1)?;
                self.install(id, TCB_TIMEOUT, slot, cap)?;
            }
            Label::TCB_SET_IPC_BUFFER => {
                call.require(1, 1)?;
                let buffer = self.buffer_cap(call, 0, call.word(0)?)?;
                self.install_buffer(id, buffer)?;
            }
            Label::TCB_SET_SPACE => self.set_space(id, call)?,
            Label::TCB_SUSPEND => self.suspend(id),
            Label::TCB_RESUME => self.resume(id),
            Label::TCB_BIND_NOTIFICATION => self.bind_notification(id, call)?,
            Label::TCB_UNBIND_NOTIFICATION => {
                if self.tcbs[id].notification.is_none() {
                    return Err(Error::IllegalOperation);
                }
                self.unbind_notification(id);
            }
            Label::TCB_SET_TLS_BASE => self.tcbs[id].context.tpidr_el0 = call.word(0)?,
            Label::TCB_SET_FLAGS => {
                call.require(2, 0)?;
                let flags = self.tcbs[id].flags & !call.word(0)? | call.word(1)? & FLAGS;
                self.tcbs[id].flags = flags;
                return Ok(Outcome::Word(flags));
            }
            _ => return Err(Error::IllegalOperation),
        }
        Ok(Outcome::Done)
    }

    fn read_registers(&mut self, id: u32, call: &Call) -> Result<Outcome, Error> {
        call.require(2, 0)?;
        let (flags, count) = (call.word(0)?, call.word(1)?);
        if !(1..=CONTEXT_WORDS as u64).contains(&count) {
            return Err(Error::Range(1, CONTEXT_WORDS as u64));
        }
        if id == call.thread {
            return Err(Error::IllegalOperation);
        }
        if flags & 1 != 0 {
            self.suspend(id);
        }
        Ok(Outcome::Registers(id, count as usize))
    }

    fn write_registers(&mut self, id: u32, call: &Call) -> Result<(), Error> {
        call.require(2, 0)?;
        let (flags, count) = (call.word(0)?, call.word(1)?);
        if ((call.length() - 2) as u64) < count {
            return Err(Error::TruncatedMessage);
        }
        if id == call.thread {
            return Err(Error::IllegalOperation);
        }
        let vcpu = self.tcbs[id].vcpu.is_some();
        for index in 0..(count as usize).min(CONTEXT_WORDS) {
            let value = self.message_word(call.thread, index + 2);
            set_register(&mut self.tcbs[id].context, index, value, vcpu);
        }
        let context = &mut self.tcbs[id].context;
        context.next_pc = context.pc;
        if flags & 1 != 0 {
            self.resume(id);
        }
        Ok(())
    }

    fn copy_registers(&mut self, id: u32, call: &Call) -> Result<(), Error> {
        call.require(1, 1)?;
        let flags = call.word(0)?;
        let Cap::Tcb { id: from } = call.cap(0)?.1 else {
            return Err(Error::InvalidCapability(1));
        };
        if flags & 1 != 0 {
            self.suspend(from);
        }
        if flags & 2 != 0 {
            self.resume(id);
        }
        let source = self.tcbs[from].context.clone();
        let vcpu = self.tcbs[id].vcpu.is_some();
        let context = &mut self.tcbs[id].context;
        for index in 0..CONTEXT_WORDS {
            let wanted = if index < FRAME_WORDS { 4 } else { 8 };
            if flags & wanted != 0 {
                set_register(context, index, get_register(&source, index), vcpu);
            }
        }
        if self.current == Some(id) {
            self.reschedule();
        }
        Ok(())
    }

    /// A priority that the first extra capability's thread may give.
    fn checked_priority(&self, call: &Call, priority: u64) -> Result<u8, Error> {
        let Cap::Tcb { id } = call.cap(0)?.1 else {
            return Err(Error::InvalidCapability(1));
        };
        let mcp = self.tcbs[id].mcp;
        match u8::try_from(priority) {
            Ok(priority) if priority <= mcp => Ok(priority),
            _ => Err(Error::Range(0, u64::from(mcp))),
        }
    }

    /// A capability that can be a fault handler: none, or an endpoint that can be called.
    fn handler_cap(&self, cap: Cap, number: u64) -> Result<Cap, Error> {
        match cap {
            Cap::Null => Ok(cap),
            Cap::Endpoint { rights, .. } if rights & WRITE != 0 && may_be_answered(rights) => {
                Ok(cap)
            }
            _ => Err(Error::InvalidCapability(number)),
        }
    }

    fn set_sched_params(&mut self, id: u32, call: &Call) -> Result<(), Error> {
        call.require(2, 3)?;
        let mcp = self.checked_priority(call, call.word(0)?)?;
        let priority = self.checked_priority(call, call.word(1)?)?;
        let sc = match call.cap(1)?.1 {
            Cap::SchedContext { id: sc } => {
                if self.tcbs[id].sc.is_some_and(|own| own != sc)
                    || self.contexts[sc].tcb.is_some_and(|own| own != id)
                {
                    return Err(Error::IllegalOperation);
                }
                self.require_released(sc, id)?;
                Some(sc)
            }
            Cap::Null => {
                if id == call.thread {
                    return Err(Error::IllegalOperation);
                }
                None
            }
            _ => return Err(Error::InvalidCapability(2)),
        };
        let (slot, cap) = call.cap(2)?;
        let handler = self.handler_cap(cap, 3)?;
        self.install(id, TCB_FAULT, slot, handler)?;
        self.tcbs[id].mcp = mcp;
        self.set_priority(id, priority);
        match (sc, self.tcbs[id].sc) {
            (Some(sc), None) => self.bind_context(sc, id),
            (None, Some(own)) => self.detach(own),
            _ => {}
        }
        Ok(())
    }

    fn set_space(&mut self, id: u32, call: &Call) -> Result<(), Error> {
        call.require(2, 3)?;
        let (fault_slot, fault_cap) = call.cap(0)?;
        let handler = self.handler_cap(fault_cap, 1)?;
        let cspace = self.cspace_cap(call, 1, call.word(0)?)?;
        let vspace = self.vspace_cap(call, 2)?;
        self.install(id, TCB_FAULT, fault_slot, handler)?;
        self.install(id, TCB_CSPACE, cspace.0, cspace.1)?;
        self.install(id, TCB_VSPACE, vspace.0, vspace.1)
    }

    fn configure_tcb(&mut self, id: u32, call: &Call) -> Result<(), Error> {
        call.require(3, 3)?;
        let buffer = self.buffer_cap(call, 2, call.word(2)?)?;
        let cspace = self.cspace_cap(call, 0, call.word(0)?)?;
        let vspace = self.vspace_cap(call, 1)?;
        self.install(id, TCB_CSPACE, cspace.0, cspace.1)?;
        self.install(id, TCB_VSPACE, vspace.0, vspace.1)?;
        self.install_buffer(id, buffer)
    }

    fn cspace_cap(&self, call: &Call, index: usize, data: u64) -> Result<(SlotRef, Cap), Error> {
        let (slot, mut cap) = call.cap(index)?;
        if data != 0 {
            cap = cap.with_data(false, data);
        }
        match self.derive_cap(slot, cap)? {
            cap @ Cap::CNode { .. } => Ok((slot, cap)),
            _ => Err(Error::IllegalOperation),
        }
    }

    fn vspace_cap(&self, call: &Call, index: usize) -> Result<(SlotRef, Cap), Error> {
        let (slot, cap) = call.cap(index)?;
        match self.derive_cap(slot, cap)? {
            cap @ Cap::VSpace { .. } => Ok((slot, cap)),
            _ => Err(Error::IllegalOperation),
        }
    }

    fn buffer_cap(
        &self,
        call: &Call,
        index: usize,
        address: u64,
    ) -> Result<(u64, SlotRef, Cap), Error> {
        let (slot, cap) = call.cap(index)?;
        if address == 0 {
            return Ok((0, slot, Cap::Null));
        }
        match self.derive_cap(slot, cap)? {
            Cap::Frame { device: true, .. } => Err(Error::IllegalOperation),
            cap @ Cap::Frame { .. } => match address % BUFFER_BYTES {
                0 => Ok((address, slot, cap)),
                _ => Err(Error::Alignment),
            },
            _ => Err(Error::IllegalOperation),
        }
    }

    fn install_buffer(
        &mut self,
        id: u32,
        (address, slot, cap): (u64, SlotRef, Cap),
    ) -> Result<(), Error> {
        self.install(id, TCB_BUFFER, slot, cap)?;
        if self.tcbs.get(id).is_some() {
            self.tcbs[id].buffer = address;
        }
        Ok(())
    }

    /// Replace the capability in a thread's own slot by a copy of the one in `from`.
    fn install(&mut self, id: u32, index: u32, from: SlotRef, cap: Cap) -> Result<(), Error> {
        let at = self.tcb_slot(id, index);
        self.slots.prepare(at)?;
        self.delete(at)?;
        // Deleting may have taken away the source, or the thread itself.
        if !cap.is_null()
            && self.slots.get(from).cap.same_object(&cap)
            && self.tcbs.get(id).is_some()
        {
            self.insert_derived(from, at, cap);
        }
        Ok(())
    }

    fn bind_notification(&mut self, id: u32, call: &Call) -> Result<(), Error> {
        let (_, cap) = call.cap(0)?;
        if self.tcbs[id].notification.is_some() {
            return Err(Error::IllegalOperation);
        }
        match cap {
            Cap::Notification {
                id: notification,
                rights,
                ..
            } if rights & READ != 0
                && self.notifications[notification].bound.is_none()
                && self.notifications[notification].queue.is_empty() =>
            {
                self.tcbs[id].notification = Some(notification);
                self.notifications[notification].bound = Some(id);
                Ok(())
            }
            _ => Err(Error::IllegalOperation),
        }
    }

    /// The thread is deleted. Returns the table of its own slots, which still have to be emptied.
    pub(crate) fn delete_tcb(&mut self, id: u32) -> Option<u32> {
        self.suspend(id);
        self.unbind_notification(id);
        if let Some(sc) = self.tcbs[id].sc {
            self.detach(sc);
        }
        if let Some(vcpu) = self.tcbs[id].vcpu {
            self.dissociate_vcpu(vcpu);
        }
        if let crate::schedule::Action::Switch(other) = self.scheduler.action
            && other == id
        {
            self.scheduler.action = crate::schedule::Action::Choose;
        }
        if self.current == Some(id) {
            self.current = None;
            self.reschedule();
        }
        let mut tcb = self.tcbs.remove(id)?;
        self.hw
            .thread_unload(crate::hardware::TcbId(id), &mut tcb.arch);
        Some(tcb.table)
    }
}
