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

/// The device's registers here, and where the stop stands.
#[derive(Default)]
pub struct Stop {
    /// They are mapped, until the denial.
    mapped: bool,
    /// The device has been told to stop and was not seen to be at rest yet.
    told: bool,
}

impl Stop {
    /// Maps the registers, so that this takes no time when the device is to stop.
    pub fn prepare<'m>(
        &mut self,
        kernel: &impl Kernel<'m>,
        books: &mut Books,
        holder: &mut Holder,
        plan: &UpdateComponent,
    ) -> Result {
        if self.mapped || routine(plan).is_none() {
            return Ok(());
        }
        let device = plan.devices().first().ok_or(Error::INVALID_ARGUMENT)?;
        let (vaddr, rights) = (device.update_vaddr, Rights::READ_WRITE);
        holder.map(
            kernel,
            books,
            device.first,
            Space::Own,
            vaddr,
            rights,
            DEVICE,
        )?;
        self.mapped = true;
        Ok(())
    }

    /// Begins to stop the device.
    pub fn begin<'m>(
        &mut self,
        kernel: &impl Kernel<'m>,
        books: &mut Books,
        holder: &mut Holder,
        plan: &UpdateComponent,
    ) -> Result {
        self.prepare(kernel, books, holder, plan)?;
        if let (Some(routine), Some(device)) = (routine(plan), plan.devices().first()) {
            let registers = kernel.registers(device.update_vaddr);
            match routine {
                StopRoutine::None => {}
                StopRoutine::VirtioMmio => virtio_mmio::stop(&registers),
                StopRoutine::Sdhci => sdhci::stop(&registers),
            }
        }
        self.told = true;
        Ok(())
    }

    /// The device was taken from everybody.
    pub fn denied(&mut self) {
        self.mapped = false;
    }

    /// Whether a device that was told to stop is seen to be at rest just now: from then on it reaches no memory.
    pub fn ended<'m>(&mut self, kernel: &impl Kernel<'m>, plan: &UpdateComponent) -> bool {
        let ended = self.told && at_rest(kernel, plan);
        self.told &= !ended;
        ended
    }

    /// When it is to be looked at next, in us.
    pub fn due(&self, now: u64) -> Option<u64> {
        self.told.then_some(now + POLL_US)
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
