// SPDX-License-Identifier: BSD-2-Clause
//! Interrupts.

use super::{At, PciFunction};
use crate::Span;

/// `<irq>`
#[derive(Clone, Debug)]
pub struct Irq {
    /// Where the element is.
    pub span: Span,
    /// The GIC's number, the I/O APIC's pin, or what is in the message.
    pub number: At<u64>,
    /// Identifier in the PD.
    pub id: At<u64>,
    /// Edge, not level.
    pub edge: bool,
    /// What raises it.
    pub source: IrqSource,
}

impl Irq {
    /// What no two interrupts of a system have in common: the number, or on x86_64 the vector.
    #[must_use]
    pub fn unique(&self) -> u64 {
        match self.source {
            IrqSource::Gic => self.number.value,
            IrqSource::IoApic { vector, .. } | IrqSource::Msi { vector, .. } => vector,
        }
    }
}

/// What raises an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IrqSource {
    /// A line of the GIC.
    Gic,
    /// A pin of an I/O APIC.
    IoApic {
        /// Which I/O APIC.
        index: u64,
        /// The line is active when it is low.
        low: bool,
        /// Counted from the kernel's first one for user programs.
        vector: u64,
    },
    /// A message of a PCI function.
    Msi {
        /// The function.
        device: PciFunction,
        /// Counted from the kernel's first one for user programs.
        vector: u64,
    },
}
