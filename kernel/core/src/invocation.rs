// SPDX-License-Identifier: BSD-2-Clause
//! Invocations: decodes the arguments and passes them to the object.

use crate::{
    cap::{Cap, GRANT, WRITE},
    endpoint::Send,
    error::Error,
    hardware::Hardware,
    kernel::Kernel,
    slots::SlotRef,
    syscall::{MESSAGE_REGISTER, MESSAGE_REGISTERS},
    transfer::{ExtraCaps, WORDS},
};

/// Most message words that an invocation reads here (`CNode_Rotate`); `TCB_WriteRegisters` reads the
/// registers directly from the message.
const MAX_WORDS: usize = 8;

/// Invocation labels of the release configuration.
pub struct Label;

#[allow(missing_docs, reason = "the names are seL4's")]
#[rustfmt::skip]
impl Label {
    pub const UNTYPED_RETYPE: u64 = 1;
    pub const TCB_READ_REGISTERS: u64 = 2;
    pub const TCB_WRITE_REGISTERS: u64 = 3;
    pub const TCB_COPY_REGISTERS: u64 = 4;
    pub const TCB_CONFIGURE: u64 = 5;
    pub const TCB_SET_PRIORITY: u64 = 6;
    pub const TCB_SET_MC_PRIORITY: u64 = 7;
    pub const TCB_SET_SCHED_PARAMS: u64 = 8;
    pub const TCB_SET_TIMEOUT_ENDPOINT: u64 = 9;
    pub const TCB_SET_IPC_BUFFER: u64 = 10;
    pub const TCB_SET_SPACE: u64 = 11;
    pub const TCB_SUSPEND: u64 = 12;
    pub const TCB_RESUME: u64 = 13;
    pub const TCB_BIND_NOTIFICATION: u64 = 14;
    pub const TCB_UNBIND_NOTIFICATION: u64 = 15;
    pub const TCB_SET_TLS_BASE: u64 = 16;
    pub const TCB_SET_FLAGS: u64 = 17;
    pub const CNODE_REVOKE: u64 = 18;
    pub const CNODE_DELETE: u64 = 19;
    pub const CNODE_CANCEL_BADGED_SENDS: u64 = 20;
    pub const CNODE_COPY: u64 = 21;
    pub const CNODE_MINT: u64 = 22;
    pub const CNODE_MOVE: u64 = 23;
    pub const CNODE_MUTATE: u64 = 24;
    pub const CNODE_ROTATE: u64 = 25;
    pub const IRQ_ISSUE_HANDLER: u64 = 26;
    pub const IRQ_ACK: u64 = 27;
    pub const IRQ_SET_HANDLER: u64 = 28;
    pub const IRQ_CLEAR_HANDLER: u64 = 29;
    pub const SCHED_CONTROL_CONFIGURE: u64 = 33;
    pub const SCHED_CONTEXT_BIND: u64 = 34;
    pub const SCHED_CONTEXT_UNBIND: u64 = 35;
    pub const SCHED_CONTEXT_UNBIND_OBJECT: u64 = 36;
    pub const SCHED_CONTEXT_CONSUMED: u64 = 37;
    pub const SCHED_CONTEXT_YIELD_TO: u64 = 38;
    pub const VSPACE_CLEAN: u64 = 39;
    pub const VSPACE_UNIFY: u64 = 42;
    pub const PAGE_TABLE_MAP: u64 = 44;
    pub const PAGE_TABLE_UNMAP: u64 = 45;
    pub const PAGE_MAP: u64 = 46;
    pub const PAGE_UNMAP: u64 = 47;
    pub const PAGE_CLEAN: u64 = 48;
    pub const PAGE_UNIFY: u64 = 51;
    pub const PAGE_GET_ADDRESS: u64 = 52;
    pub const ASID_CONTROL_MAKE_POOL: u64 = 53;
    pub const ASID_POOL_ASSIGN: u64 = 54;
    pub const VCPU_SET_TCB: u64 = 55;
    pub const VCPU_INJECT_IRQ: u64 = 56;
    pub const VCPU_READ_REG: u64 = 57;
    pub const VCPU_WRITE_REG: u64 = 58;
    pub const VCPU_ACK_VPPI: u64 = 59;
    pub const IRQ_ISSUE_HANDLER_TRIGGER: u64 = 60;
}

/// The arguments of an invocation by the current thread.
pub(crate) struct Call {
    pub thread: u32,
    pub label: u64,
    length: usize,
    words: [u64; MAX_WORDS],
    caps: [(SlotRef, Cap); 3],
    cap_count: usize,
}

impl Call {
    /// A message word; it has to have been sent.
    pub fn word(&self, index: usize) -> Result<u64, Error> {
        if index >= self.length {
            return Err(Error::TruncatedMessage);
        }
        self.words
            .get(index)
            .copied()
            .ok_or(Error::TruncatedMessage)
    }

    /// An extra capability and its slot; it has to have been sent.
    pub fn cap(&self, index: usize) -> Result<(SlotRef, Cap), Error> {
        match self.caps.get(index) {
            Some(cap) if index < self.cap_count => Ok(*cap),
            _ => Err(Error::TruncatedMessage),
        }
    }

    /// Check that at least so many words and capabilities were sent.
    pub fn require(&self, words: usize, caps: usize) -> Result<(), Error> {
        if self.length < words || self.cap_count < caps {
            return Err(Error::TruncatedMessage);
        }
        Ok(())
    }

    /// Message words sent.
    pub fn length(&self) -> usize {
        self.length
    }
}

/// What an invocation that did not fail answers.
pub(crate) enum Outcome {
    /// Success, without words.
    Done,
    /// Success, with a word for a caller.
    Word(u64),
    /// Success, with the registers of a thread and their number.
    Registers(u32, usize),
    /// What there is to answer was or will be answered otherwise.
    Silent,
}

/// How the system call invokes.
#[derive(Clone, Copy)]
pub(crate) struct Manner {
    pub call: bool,
    pub blocking: bool,
    /// May the scheduling context be lent.
    pub lends: bool,
    /// The system call receives afterwards. Invocations that can stop or move its thread, or take its time, are refused in it.
    pub receives: bool,
}

impl<H: Hardware> Kernel<H> {
    /// Collect the words and capabilities that the current thread sent.
    fn gather(&self, thread: u32, slots: &ExtraCaps) -> Call {
        let (label, mut length) = self.message_tag(thread);
        let mut words = [0; MAX_WORDS];
        let registers = &self.tcbs[thread].context.x[MESSAGE_REGISTER..];
        for (word, register) in words.iter_mut().zip(registers).take(MESSAGE_REGISTERS) {
            *word = *register;
        }
        if length > MESSAGE_REGISTERS {
            match self.buffer(thread, false) {
                Some(buffer) => {
                    let rest = words.iter_mut().enumerate().take(length);
                    for (index, word) in rest.skip(MESSAGE_REGISTERS) {
                        *word = self.hw.read_word(buffer + WORDS + 8 * index as u64);
                    }
                }
                None => length = MESSAGE_REGISTERS,
            }
        }
        const NO_CAP: (SlotRef, Cap) = (SlotRef { table: 0, index: 0 }, Cap::Null);
        let mut caps = [NO_CAP; 3];
        let mut cap_count = 0;
        for (place, at) in caps.iter_mut().zip(slots.iter().flatten()) {
            *place = (*at, self.slots.get(*at).cap);
            cap_count += 1;
        }
        Call {
            thread,
            label,
            length,
            words,
            caps,
            cap_count,
        }
    }

    /// Invoke the capability in a slot.
    pub(crate) fn invoke(
        &mut self,
        at: SlotRef,
        caps: &ExtraCaps,
        manner: Manner,
        thread: u32,
    ) -> Result<Outcome, Error> {
        let cap = self.slots.get(at).cap;
        match cap {
            Cap::Endpoint { id, rights, badge } => {
                if rights & WRITE == 0 {
                    return Err(Error::InvalidCapability(0));
                }
                self.send(
                    Send {
                        endpoint: id,
                        badge,
                        rights,
                        blocking: manner.blocking,
                        call: manner.call,
                        lends: manner.lends,
                    },
                    thread,
                );
                return Ok(Outcome::Silent);
            }
            Cap::Notification { id, rights, badge } => {
                if rights & WRITE == 0 {
                    return Err(Error::InvalidCapability(0));
                }
                self.signal(id, badge);
                return Ok(Outcome::Done);
            }
            Cap::Reply { id, grant } => {
                self.reply_transfer(thread, id, grant);
                return Ok(Outcome::Done);
            }
            Cap::CNode { .. } | Cap::Tcb { .. } | Cap::SchedContext { .. } | Cap::SchedControl
                if manner.receives =>
            {
                return Err(Error::InvalidCapability(0));
            }
            _ => {}
        }
        let call = &self.gather(thread, caps);
        match cap {
            Cap::Untyped { .. } => self.invoke_untyped(at, call),
            Cap::CNode { .. } => self.invoke_cnode(cap, call),
            Cap::Tcb { id } => self.invoke_tcb(id, call),
            Cap::SchedContext { id } => self.invoke_sched_context(id, call),
            Cap::SchedControl => self.invoke_sched_control(call),
            Cap::IrqControl => self.invoke_irq_control(at, call),
            Cap::IrqHandler { irq } => self.invoke_irq_handler(irq, call),
            Cap::Frame { .. } => self.invoke_frame(at, call),
            Cap::PageTable { .. } => self.invoke_page_table(at, call),
            Cap::VSpace { .. } => self.invoke_vspace(at, call),
            Cap::AsidControl => self.invoke_asid_control(call),
            Cap::AsidPool { base, first } => self.invoke_asid_pool(base, first, call),
            Cap::Vcpu { id } => self.invoke_vcpu(id, call),
            Cap::Null
            | Cap::Endpoint { .. }
            | Cap::Notification { .. }
            | Cap::Reply { .. }
            | Cap::Remains { .. } => Err(Error::InvalidCapability(0)),
        }
    }
}

/// Does an endpoint capability with these rights let a receiver answer?
pub(crate) fn may_be_answered(rights: u8) -> bool {
    rights & (GRANT | crate::cap::GRANT_REPLY) != 0
}
