// SPDX-License-Identifier: BSD-2-Clause
//! Invocations of ASID pools and interrupts.

use crate::{AbsoluteCPtr, InvocationContext, Result, Word, cap, sys::invocation_label as label};

impl<C: InvocationContext> cap::AsidControl<C> {
    /// `seL4_ARM_ASIDControl_MakePool`: out of an untyped of 4 KiB, into the slot `dst`.
    pub fn asid_control_make_pool(self, untyped: cap::Untyped, dst: &AbsoluteCPtr) -> Result<()> {
        self.order(
            label::ARMASIDControlMakePool,
            &[untyped.bits(), dst.root().bits()],
            &[dst.path().bits(), dst.path().depth() as Word],
        )
    }
}

impl<C: InvocationContext> cap::AsidPool<C> {
    /// `seL4_ARM_ASIDPool_Assign`: an address space needs one before anything is mapped in it.
    pub fn asid_pool_assign(self, vspace: cap::VSpace) -> Result<()> {
        self.order(label::ARMASIDPoolAssign, &[vspace.bits()], &[])
    }
}

impl<C: InvocationContext> cap::IrqControl<C> {
    /// `seL4_IRQControl_Get`: the handler of interrupt `irq` (the GIC's number).
    pub fn irq_control_get(self, irq: Word, dst: &AbsoluteCPtr) -> Result<()> {
        self.order(
            label::IRQIssueIRQHandler,
            &[dst.root().bits()],
            &[irq, dst.path().bits(), dst.path().depth() as Word],
        )
    }

    /// `seL4_IRQControl_GetTrigger`: the same, with how the line is triggered.
    pub fn irq_control_get_trigger(
        self,
        irq: Word,
        edge_triggered: bool,
        dst: &AbsoluteCPtr,
    ) -> Result<()> {
        self.order(
            label::ARMIRQIssueIRQHandlerTrigger,
            &[dst.root().bits()],
            &[
                irq,
                edge_triggered.into(),
                dst.path().bits(),
                dst.path().depth() as Word,
            ],
        )
    }
}

crate::sel4_cfg_if! {
    if #[sel4_cfg(not(MAX_NUM_NODES = "1"))] {
        impl<C: InvocationContext> cap::IrqControl<C> {
            /// `seL4_IRQControl_GetTriggerCore`: the same, with the core that it is delivered to.
            pub fn irq_control_get_trigger_core(
                self,
                irq: Word,
                edge_triggered: bool,
                target: Word,
                dst: &AbsoluteCPtr,
            ) -> Result<()> {
                self.order(
                    label::ARMIRQIssueIRQHandlerTriggerCore,
                    &[dst.root().bits()],
                    &[
                        irq,
                        edge_triggered.into(),
                        dst.path().bits(),
                        dst.path().depth() as Word,
                        target,
                    ],
                )
            }
        }
    } else {}
}

impl<C: InvocationContext> cap::IrqHandler<C> {
    /// `seL4_IRQHandler_Ack`: unmasks the interrupt.
    pub fn irq_handler_ack(self) -> Result<()> {
        self.order(label::IRQAckIRQ, &[], &[])
    }

    /// `seL4_IRQHandler_SetNotification`: where the interrupt is signalled.
    pub fn irq_handler_set_notification(self, notification: cap::Notification) -> Result<()> {
        self.order(label::IRQSetIRQHandler, &[notification.bits()], &[])
    }

    /// `seL4_IRQHandler_Clear`: signalled nowhere.
    pub fn irq_handler_clear(self) -> Result<()> {
        self.order(label::IRQClearIRQHandler, &[], &[])
    }
}
