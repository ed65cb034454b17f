// SPDX-License-Identifier: BSD-2-Clause
//! Capabilities that are made once for a component: the badged endpoint for its generations' faults, the badged ports
//! for its interrupts.

use heapless::Vec;
use molt_system::{Authority, MAX_IRQS, UpdateComponent, VaultSlot};

use crate::books::Books;
use crate::{Error, Kernel, Result, Rights};

/// Set in the badge of a fault.
pub const FAULT_BADGE: u64 = 1 << 62;

/// The capabilities that are made once.
pub struct Ports {
    /// The endpoint for the generations' faults.
    pub fault: VaultSlot,
    /// The notifications that the interrupts signal, in the plan's order.
    pub irqs: Vec<VaultSlot, MAX_IRQS>,
}

impl Ports {
    /// Makes them.
    pub fn new<'m>(
        kernel: &impl Kernel<'m>,
        authority: &Authority,
        plan: &UpdateComponent,
        books: &mut Books,
    ) -> Result<Self> {
        let fault = books.take().ok_or(Error::NOT_ENOUGH_MEMORY)?;
        // A fault is a call: it needs Write and a right to be answered (seL4 manual, 6.1).
        let badge = FAULT_BADGE | u64::from(plan.child);
        kernel.mint(fault, authority.endpoint, Rights::ALL, badge)?;
        let mut irqs = Vec::new();
        for irq in plan.irqs() {
            let slot = books.take().ok_or(Error::NOT_ENOUGH_MEMORY)?;
            let (notification, id) = match plan.passed.present {
                0 => (plan.port, irq.id),
                _ => (plan.passed.notification, plan.passed.irq),
            };
            let badge = 1u64.checked_shl(id).unwrap_or(0);
            kernel.mint(slot, notification, Rights::WRITE, badge)?;
            irqs.push(slot).map_err(|_| Error::NOT_ENOUGH_MEMORY)?;
        }
        Ok(Self { fault, irqs })
    }
}
