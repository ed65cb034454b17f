// SPDX-License-Identifier: BSD-2-Clause
//! Stopping a device: small, fixed, and not the driver's business.

mod sdhci;
mod virtio_mmio;

use molt_system::{StopRoutine, UpdateComponent};

use crate::books::Books;
use crate::holder::Holder;
use crate::{Error, Kernel, Result, Rights, Space};

/// Reads of a status before others get their turn.
const READS: usize = 16;
/// How often a device that is to stop is looked at, in us.
const POLL_US: u64 = 50;
/// Mapped as device memory: execute never, not cached.
const DEVICE: u32 = 4;

/// Whether the device has been told to stop and was not seen to be at rest yet.
#[derive(Default)]
pub struct Stop(bool);

impl Stop {
    /// Begins to stop the device: its registers are mapped here, until the denial, and told.
    pub fn begin<'m>(
        &mut self,
        kernel: &impl Kernel<'m>,
        books: &mut Books,
        holder: &mut Holder,
        plan: &UpdateComponent,
    ) -> Result {
        if let Some(routine) = routine(plan) {
            let device = plan.devices().first().ok_or(Error::INVALID_ARGUMENT)?;
            let vaddr = device.update_vaddr;
            let rights = Rights::READ_WRITE;
            holder.map(
                kernel,
                books,
                device.first,
                Space::Own,
                vaddr,
                rights,
                DEVICE,
            )?;
            let registers = kernel.registers(vaddr);
            match routine {
                StopRoutine::None => {}
                StopRoutine::VirtioMmio => virtio_mmio::stop(&registers),
                StopRoutine::Sdhci => sdhci::stop(&registers),
            }
        }
        self.0 = true;
        Ok(())
    }

    /// Whether a device that was told to stop is seen to be at rest just now: from then on it reaches no memory.
    pub fn ended<'m>(&mut self, kernel: &impl Kernel<'m>, plan: &UpdateComponent) -> bool {
        let ended = self.0 && at_rest(kernel, plan);
        self.0 &= !ended;
        ended
    }

    /// When it is to be looked at next, in us.
    pub fn due(&self, now: u64) -> Option<u64> {
        self.0.then_some(now + POLL_US)
    }
}

fn at_rest<'m>(kernel: &impl Kernel<'m>, plan: &UpdateComponent) -> bool {
    let Some(routine) = routine(plan) else {
        return true;
    };
    let Some(device) = plan.devices().first() else {
        return false;
    };
    let registers = kernel.registers(device.update_vaddr);
    match routine {
        StopRoutine::None => true,
        StopRoutine::VirtioMmio => virtio_mmio::stopped(&registers),
        StopRoutine::Sdhci => sdhci::stopped(&registers),
    }
}

/// `None`: nothing to stop.
fn routine(plan: &UpdateComponent) -> Option<StopRoutine> {
    plan.stop_routine()
        .filter(|routine| *routine != StopRoutine::None)
}
