// SPDX-License-Identifier: BSD-2-Clause
//! Handlers of interrupts.

use crate::{AbsoluteCPtr, InvocationContext, Result, Word, cap, sys::invocation_label as label};

impl<C: InvocationContext> cap::IrqControl<C> {
    /// `seL4_IRQControl_GetIOAPIC`: the handler of `pin` of an I/O APIC, delivered at `vector` (counted from the kernel's
    /// first one for user programs). `level`: level triggered; `polarity`: low.
    #[allow(clippy::too_many_arguments)]
    pub fn irq_control_get_ioapic(
        self,
        ioapic: Word,
        pin: Word,
        level: Word,
        polarity: Word,
        vector: Word,
        dst: &AbsoluteCPtr,
    ) -> Result<()> {
        self.order(
            label::X86IRQIssueIRQHandlerIOAPIC,
            &[dst.root().bits()],
            &[
                dst.path().bits(),
                dst.path().depth() as Word,
                ioapic,
                pin,
                level,
                polarity,
                vector,
            ],
        )
    }

    /// `seL4_IRQControl_GetMSI`: the handler of the message signalled interrupt of a PCI function, delivered at `vector`;
    /// `handle` is what the function is told to send.
    #[allow(clippy::too_many_arguments)]
    pub fn irq_control_get_msi(
        self,
        pci_bus: Word,
        pci_dev: Word,
        pci_func: Word,
        handle: Word,
        vector: Word,
        dst: &AbsoluteCPtr,
    ) -> Result<()> {
        self.order(
            label::X86IRQIssueIRQHandlerMSI,
            &[dst.root().bits()],
            &[
                dst.path().bits(),
                dst.path().depth() as Word,
                pci_bus,
                pci_dev,
                pci_func,
                handle,
                vector,
            ],
        )
    }
}
