// SPDX-License-Identifier: BSD-2-Clause
//! Capabilities that are made once: badged endpoints for the generations' faults, badged ports for their interrupts.

use heapless::Vec;
use molt_system::{MAX_COMPONENTS, MAX_IRQS, UpdateBrief, VaultSlot};
use sel4::{CapRights, Error, Result};

use crate::books::Books;
use crate::vault;

/// Set in the badge of a fault.
pub const FAULT: u64 = 1 << 62;

/// What is made once.
#[derive(Default)]
pub struct Fixed {
    faults: Vec<VaultSlot, MAX_COMPONENTS>,
    irqs: Vec<Vec<VaultSlot, MAX_IRQS>, MAX_COMPONENTS>,
}

impl Fixed {
    /// Makes them.
    pub fn new(brief: &UpdateBrief, books: &mut Books) -> Result<Self> {
        let mut fixed = Self::default();
        let full = |_| Error::NotEnoughMemory;
        for component in brief.components() {
            let slot = books.take().ok_or(Error::NotEnoughMemory)?;
            let endpoint = vault::place(brief.authority.endpoint);
            // A fault is a call: it needs Write and a right to be answered (seL4 manual, 6.1).
            let badge = FAULT | u64::from(component.child);
            vault::place(slot).mint(&endpoint, CapRights::all(), badge)?;
            fixed.faults.push(slot).map_err(full)?;
            let mut irqs = Vec::new();
            for irq in component.irqs() {
                let slot = books.take().ok_or(Error::NotEnoughMemory)?;
                let port = vault::place(component.port);
                let badge = 1u64.checked_shl(irq.id).unwrap_or(0);
                vault::place(slot).mint(&port, CapRights::write_only(), badge)?;
                irqs.push(slot).map_err(full)?;
            }
            fixed.irqs.push(irqs).map_err(|_| Error::NotEnoughMemory)?;
        }
        Ok(fixed)
    }

    /// Where a component's generations fault to.
    pub fn fault(&self, component: usize) -> VaultSlot {
        self.faults
            .get(component)
            .copied()
            .unwrap_or(VaultSlot::NONE)
    }

    /// What a component's interrupts signal.
    pub fn irqs(&self, component: usize) -> &[VaultSlot] {
        self.irqs.get(component).map_or(&[], Vec::as_slice)
    }
}
