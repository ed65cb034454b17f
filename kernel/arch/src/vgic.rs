// SPDX-License-Identifier: BSD-2-Clause
//! The hypervisor's interface to virtual interrupts: GICv2's GICH (IHI 0048, chapter 5).

use molt_kernel_core::hardware::{InjectError, VirtualIrq};

use crate::layout;
use crate::mmio::Page;

const GICH_HCR: usize = 0x00;
const GICH_VTR: usize = 0x04;
const GICH_VMCR: usize = 0x08;
const GICH_EISR0: usize = 0x20;
const GICH_EISR1: usize = 0x24;
const GICH_APR: usize = 0xf0;
const GICH_LR: usize = 0x100;

/// GICH_HCR.En.
const ENABLE: u32 = 1;
/// Fields of GICH_LR (5.3.8).
const LR_EOI: u32 = 1 << 19;
const LR_PRIORITY: u32 = 23;
const LR_PENDING: u32 = 1 << 28;
const LR_GROUP: u32 = 30;

/// List registers that a state can hold: as many as GICv2 can have.
const MAX: usize = 64;

/// A vCPU's virtual interrupts while it is not loaded.
#[derive(Clone, Debug)]
pub struct VgicState {
    vmcr: u32,
    apr: u32,
    list: [u32; MAX],
}

impl Default for VgicState {
    fn default() -> Self {
        Self {
            vmcr: 0,
            apr: 0,
            list: [0; MAX],
        }
    }
}

/// The interface itself.
pub struct Vgic {
    page: Page,
    count: usize,
}

impl Vgic {
    /// Takes the interface over, switched off.
    pub fn new() -> Self {
        // SAFETY: GICH's page is not among the device untypeds, and the kernel makes this once.
        let page = unsafe { Page::new(layout::GIC_VIRTUAL) };
        page.write(GICH_HCR, 0);
        let count = (page.read(GICH_VTR) & 0x3f) as usize + 1;
        Self { page, count }
    }

    /// Loads a vCPU's interrupts and switches the interface on.
    pub fn load(&self, state: &VgicState) {
        self.page.write(GICH_VMCR, state.vmcr);
        self.page.write(GICH_APR, state.apr);
        for (index, &value) in state.list.iter().take(self.count).enumerate() {
            self.page.write(GICH_LR + 4 * index, value);
        }
        self.page.write(GICH_HCR, ENABLE);
    }

    /// Saves them and switches it off.
    pub fn save(&self, state: &mut VgicState) {
        state.vmcr = self.page.read(GICH_VMCR);
        state.apr = self.page.read(GICH_APR);
        for (index, value) in state.list.iter_mut().take(self.count).enumerate() {
            *value = self.page.read(GICH_LR + 4 * index);
        }
        self.page.write(GICH_HCR, 0);
    }

    /// Puts an interrupt into a list register, of the hardware if the vCPU is `loaded`. An interrupt that is in it is
    /// overwritten, whether pending or active, as the real kernel does.
    pub fn inject(
        &self,
        state: &mut VgicState,
        loaded: bool,
        irq: VirtualIrq,
    ) -> Result<(), InjectError> {
        let index = usize::from(irq.index);
        let missing = InjectError::NoSuchListRegister(self.count as u32);
        let slot = state.list.get_mut(index).ok_or(missing)?;
        if index >= self.count {
            return Err(missing);
        }
        let new = u32::from(irq.virq) & 0x3ff
            | LR_EOI
            | (u32::from(irq.priority) & 0x1f) << LR_PRIORITY
            | LR_PENDING
            | (u32::from(irq.group) & 1) << LR_GROUP;
        if loaded {
            self.page.write(GICH_LR + 4 * index, new);
        } else {
            *slot = new;
        }
        Ok(())
    }

    /// Takes the first list register whose interrupt the guest has ended; it is not reported again.
    pub fn take_ended(&self) -> Option<u32> {
        let ended =
            u64::from(self.page.read(GICH_EISR1)) << 32 | u64::from(self.page.read(GICH_EISR0));
        let index = ended.trailing_zeros();
        if index as usize >= self.count {
            return None;
        }
        let register = GICH_LR + 4 * index as usize;
        self.page
            .write(register, self.page.read(register) & !LR_EOI);
        Some(index)
    }
}
