// SPDX-License-Identifier: BSD-2-Clause
//! Invocations of interrupts; how a handler is had is the architecture's.

use crate::{InvocationContext, Result, cap, sys::invocation_label as label};

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
