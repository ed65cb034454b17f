// SPDX-License-Identifier: BSD-2-Clause
//! Invocations of threads.

use crate::{
    CNodeCapData, CPtr, InvocationContext, Result, UserContext, Word, cap,
    sys::{self, invocation_label as label},
};

/// Builds the flags of a thread.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TcbFlagsBuilder(Word);

/// The flag of a thread that may not use floating point.
const FPU_DISABLED: Word = 1;

impl TcbFlagsBuilder {
    /// No flags.
    pub fn new() -> Self {
        Self::default()
    }

    /// The flags.
    pub fn build(self) -> Word {
        self.0
    }

    /// Sets whether the thread may not use floating point.
    pub fn fpu_disabled(self, val: bool) -> Self {
        Self(if val {
            self.0 | FPU_DISABLED
        } else {
            self.0 & !FPU_DISABLED
        })
    }
}

impl<C: InvocationContext> cap::Tcb<C> {
    /// `seL4_TCB_ReadRegisters`: the first `count` words of the context (1 to 36).
    pub fn tcb_read_registers(self, suspend: bool, count: Word) -> Result<UserContext> {
        self.invoke(|cptr, buffer| {
            let words = [suspend.into(), count];
            let first = cptr
                .cast::<crate::cap_type::Tcb>()
                .with(&mut *buffer)
                .request(label::TCBReadRegisters, &[], &words)?;
            let mut context = [0; sys::USER_CONTEXT_WORDS];
            let count = usize::try_from(count)
                .unwrap_or(usize::MAX)
                .min(context.len());
            context[..count].copy_from_slice(&buffer.msg_regs()[..count]);
            let fast = count.min(first.len());
            context[..fast].copy_from_slice(&first[..fast]);
            Ok(UserContext::from_words(&context))
        })
    }

    /// [`tcb_read_registers`](Self::tcb_read_registers), all of them.
    pub fn tcb_read_all_registers(self, suspend: bool) -> Result<UserContext> {
        self.tcb_read_registers(suspend, sys::USER_CONTEXT_WORDS as Word)
    }

    /// `seL4_TCB_WriteRegisters`: the first `count` words of the context (1 to 36).
    pub fn tcb_write_registers(
        self,
        resume: bool,
        count: Word,
        regs: &mut UserContext,
    ) -> Result<()> {
        let mut words = [0; 2 + sys::USER_CONTEXT_WORDS];
        words[0] = resume.into();
        words[1] = count;
        words[2..].copy_from_slice(&regs.to_words());
        let used = usize::try_from(count)
            .unwrap_or(usize::MAX)
            .min(sys::USER_CONTEXT_WORDS);
        self.order_words(label::TCBWriteRegisters, &words[..2 + used])
    }

    /// [`tcb_write_registers`](Self::tcb_write_registers), all of them.
    pub fn tcb_write_all_registers(self, resume: bool, regs: &mut UserContext) -> Result<()> {
        self.tcb_write_registers(resume, sys::USER_CONTEXT_WORDS as Word, regs)
    }

    /// `seL4_TCB_Resume`.
    pub fn tcb_resume(self) -> Result<()> {
        self.order(label::TCBResume, &[], &[])
    }

    /// `seL4_TCB_Suspend`.
    pub fn tcb_suspend(self) -> Result<()> {
        self.order(label::TCBSuspend, &[], &[])
    }

    /// `seL4_TCB_SetPriority`: 0 to 255, at most the authority's maximum.
    pub fn tcb_set_priority(self, authority: cap::Tcb, priority: Word) -> Result<()> {
        self.order(label::TCBSetPriority, &[authority.bits()], &[priority])
    }

    /// `seL4_TCB_SetMCPriority`.
    pub fn tcb_set_mc_priority(self, authority: cap::Tcb, mcp: Word) -> Result<()> {
        self.order(label::TCBSetMCPriority, &[authority.bits()], &[mcp])
    }

    /// `seL4_TCB_SetFlags`: clears, then sets; gives the flags as they are then.
    pub fn tcb_set_flags(self, clear: Word, set: Word) -> Result<Word> {
        self.request(label::TCBSetFlags, &[], &[clear, set])
            .map(|answer| answer[0])
    }

    /// `seL4_TCB_Configure`.
    pub fn tcb_configure(
        self,
        cspace_root: cap::CNode,
        cspace_root_data: CNodeCapData,
        vspace_root: cap::VSpace,
        ipc_buffer: Word,
        ipc_buffer_frame: cap::Granule,
    ) -> Result<()> {
        self.order(
            label::TCBConfigure,
            &[
                cspace_root.bits(),
                vspace_root.bits(),
                ipc_buffer_frame.bits(),
            ],
            &[cspace_root_data.into_word(), 0, ipc_buffer],
        )
    }

    /// `seL4_TCB_SetSpace`.
    pub fn tcb_set_space(
        self,
        fault_ep: CPtr,
        cspace_root: cap::CNode,
        cspace_root_data: CNodeCapData,
        vspace_root: cap::VSpace,
    ) -> Result<()> {
        self.order(
            label::TCBSetSpace,
            &[fault_ep.bits(), cspace_root.bits(), vspace_root.bits()],
            &[cspace_root_data.into_word(), 0],
        )
    }

    /// `seL4_TCB_SetSchedParams`.
    pub fn tcb_set_sched_params(
        self,
        authority: cap::Tcb,
        mcp: Word,
        priority: Word,
        sched_context: cap::SchedContext,
        fault_ep: cap::Endpoint,
    ) -> Result<()> {
        self.order(
            label::TCBSetSchedParams,
            &[authority.bits(), sched_context.bits(), fault_ep.bits()],
            &[mcp, priority],
        )
    }

    /// `seL4_TCB_SetTimeoutEndpoint`.
    pub fn tcb_set_timeout_endpoint(self, timeout_endpoint: cap::Endpoint) -> Result<()> {
        self.order(
            label::TCBSetTimeoutEndpoint,
            &[timeout_endpoint.bits()],
            &[],
        )
    }

    /// `seL4_TCB_SetTLSBase`.
    pub fn tcb_set_tls_base(self, tls_base: Word) -> Result<()> {
        self.order(label::TCBSetTLSBase, &[], &[tls_base])
    }

    /// `seL4_TCB_BindNotification`.
    pub fn tcb_bind_notification(self, notification: cap::Notification) -> Result<()> {
        self.order(label::TCBBindNotification, &[notification.bits()], &[])
    }

    /// `seL4_TCB_UnbindNotification`.
    pub fn tcb_unbind_notification(self) -> Result<()> {
        self.order(label::TCBUnbindNotification, &[], &[])
    }
}
