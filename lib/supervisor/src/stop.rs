// SPDX-License-Identifier: BSD-2-Clause
//! Stops a component's device. The routines are short and fixed, and do not depend on the driver.

mod function_reset;
mod sdhci;
mod virtio_mmio;
mod virtio_pci;

use molt_system::{StopRoutine, UpdateComponent};

use crate::books::Books;
use crate::holder::Holder;
use crate::{Attributes, Error, Kernel, Result, Rights, Space};
use function_reset::FunctionReset;

/// How often a status is read before other work gets its turn.
const READS: usize = 16;
/// How long a device may take to stop that has one way to be stopped, in us.
const STOP_US: u64 = 100_000;
/// The time between two looks at a device that has to stop, in us.
const POLL_US: u64 = 50;

/// The state of stopping a component's device.
#[derive(Default)]
pub struct Stop {
    /// The device's registers are mapped here, until the denial.
    mapped: bool,
    /// The device has been told to stop and was not seen to be at rest yet.
    told: bool,
    /// What is left to do if it does not answer.
    reset: FunctionReset,
}

impl Stop {
    /// Maps the registers, unless they are mapped already: in advance, so that it takes no time when the device has to stop.
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
            Attributes::Device,
        )?;
        self.mapped = true;
        Ok(())
    }

    /// Begins to stop the device, once [`Self::prepare`] has mapped its registers: writes to them. `now`: in us.
    pub fn begin<'m>(&mut self, kernel: &impl Kernel<'m>, plan: &UpdateComponent, now: u64) {
        if let (Some(routine), Some(device)) = (routine(plan), plan.devices().first()) {
            let registers = kernel.registers(device.update_vaddr);
            match routine {
                StopRoutine::None => {}
                StopRoutine::VirtioMmio => virtio_mmio::stop(&registers),
                StopRoutine::Sdhci => sdhci::stop(&registers),
                StopRoutine::VirtioPci => {
                    let configuration = kernel.registers(plan.pci.configuration.update_vaddr);
                    virtio_pci::stop(&configuration, &registers, &mut self.reset, now);
                }
            }
        }
        self.told = true;
    }

    /// The denial has removed the mapping of the registers.
    pub fn denied(&mut self) {
        self.mapped = false;
    }

    /// Whether a device that was told to stop is seen to be at rest by this call. From then on it accesses no memory. `now`: in us.
    pub fn ended<'m>(
        &mut self,
        kernel: &impl Kernel<'m>,
        plan: &UpdateComponent,
        now: u64,
    ) -> bool {
        let ended = self.told && at_rest(kernel, plan, &mut self.reset, now);
        self.told &= !ended;
        ended
    }

    /// When to look at it next, in us.
    pub fn due(&self, now: u64) -> Option<u64> {
        self.told.then_some(now + POLL_US)
    }
}

fn at_rest<'m>(
    kernel: &impl Kernel<'m>,
    plan: &UpdateComponent,
    reset: &mut FunctionReset,
    now: u64,
) -> bool {
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
        StopRoutine::VirtioPci => {
            let configuration = kernel.registers(plan.pci.configuration.update_vaddr);
            virtio_pci::stopped(&configuration, &registers, reset, now)
        }
    }
}

/// How long the component's device may take to stop, in us.
pub(crate) fn deadline_us(plan: &UpdateComponent) -> u64 {
    match plan.stop_routine() {
        Some(StopRoutine::VirtioPci) => function_reset::ALL_US,
        _ => STOP_US,
    }
}

/// `None`: nothing to stop.
fn routine(plan: &UpdateComponent) -> Option<StopRoutine> {
    plan.stop_routine()
        .filter(|routine| *routine != StopRoutine::None)
        .filter(|_| cfg!(not(feature = "leave-running")))
}
