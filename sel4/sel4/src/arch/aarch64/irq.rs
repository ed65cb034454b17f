// SPDX-License-Identifier: BSD-2-Clause
//! Handlers of interrupts.

use crate::{AbsoluteCPtr, InvocationContext, Result, Word, cap, sys::invocation_label as label};

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
