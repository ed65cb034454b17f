// SPDX-License-Identifier: BSD-2-Clause
//! Stopping a device: small, fixed, and not the driver's business.

mod sdhci;
mod virtio_mmio;

use molt_system::StopRoutine;
use molt_system::cspace::VSPACE;
use sel4::{CapRights, Error, Result, VmAttributes, cap_type};

use crate::books::Books;
use crate::brief;
use crate::unit::Unit;
use crate::vault::{self, capability};

/// Reads of a status before others get their turn.
const READS: usize = 16;

impl Unit {
    /// Begins to stop the device: its registers are mapped here and told. [`Self::stopped`] says when it has stopped.
    pub fn stop(&mut self, books: &mut Books) -> Result<()> {
        let Some(routine) = self.stop_routine() else {
            return Ok(());
        };
        let device = self.plan.devices().first().ok_or(Error::InvalidArgument)?;
        let slot = books.take().ok_or(Error::NotEnoughMemory)?;
        if self.copies.push(slot).is_err() {
            books.give_back(slot);
            return Err(Error::NotEnoughMemory);
        }
        vault::copy(slot, device.first)?;
        capability::<cap_type::Granule>(slot).frame_map(
            sel4::Cap::from_bits(VSPACE),
            device.update_vaddr as usize,
            CapRights::read_write(),
            // Device memory.
            VmAttributes::EXECUTE_NEVER,
        )?;
        let registers = brief::registers(device);
        match routine {
            StopRoutine::None => {}
            StopRoutine::VirtioMmio => virtio_mmio::stop(&registers),
            StopRoutine::Sdhci => sdhci::stop(&registers),
        }
        Ok(())
    }

    /// Whether the device has stopped: from then on it reaches no memory.
    pub fn stopped(&self) -> bool {
        let Some(routine) = self.stop_routine() else {
            return true;
        };
        let Some(device) = self.plan.devices().first() else {
            return false;
        };
        let registers = brief::registers(device);
        match routine {
            StopRoutine::None => true,
            StopRoutine::VirtioMmio => virtio_mmio::stopped(&registers),
            StopRoutine::Sdhci => sdhci::stopped(&registers),
        }
    }

    /// `None`: nothing to stop.
    fn stop_routine(&self) -> Option<StopRoutine> {
        let routine = self.plan.stop_routine();
        routine.filter(|routine| {
            cfg!(not(feature = "mutant-no-stop")) && *routine != StopRoutine::None
        })
    }
}
