// SPDX-License-Identifier: BSD-2-Clause
//! Stopping a device: small, fixed, and not the driver's business.

use molt_shared::Registers;
use molt_system::StopRoutine;
use molt_system::cspace::VSPACE;
use sel4::{CapRights, Error, Result, VmAttributes, cap_type};

use crate::books::Books;
use crate::brief;
use crate::unit::Unit;
use crate::vault::{self, capability};

/// virtio-mmio (virtio 1.2, 4.2.2): magic value, device ID, status; transports on one page of QEMU's virt.
const MAGIC: usize = 0x000;
const DEVICE_ID: usize = 0x008;
const STATUS: usize = 0x070;
const TRANSPORT: usize = 0x200;
const TRANSPORTS: usize = 8;
const VIRT: u32 = u32::from_le_bytes(*b"virt");
/// Reads of a status before others get their turn.
const READS: usize = 16;

impl Unit {
    /// Begins to stop the device: its registers are mapped here and told. [`Self::stopped`] says when it has stopped.
    pub fn stop(&mut self, books: &mut Books) -> Result<()> {
        if !self.has_stop_routine() {
            return Ok(());
        }
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
        for base in transports(&brief::registers(device)) {
            brief::registers(device).write(base + STATUS, 0);
        }
        Ok(())
    }

    /// Whether the device has stopped: its status reads as 0, and from then on it reaches no memory (2.1.2).
    pub fn stopped(&self) -> bool {
        if !self.has_stop_routine() {
            return true;
        }
        let Some(device) = self.plan.devices().first() else {
            return false;
        };
        let registers = brief::registers(device);
        transports(&registers).all(|base| (0..READS).any(|_| registers.read(base + STATUS) == 0))
    }

    fn has_stop_routine(&self) -> bool {
        cfg!(not(feature = "mutant-no-stop")) && self.plan.stop_routine() != Some(StopRoutine::None)
    }
}

/// The transports on the page that have a device. They all belong to this component: a page has one owner.
fn transports(registers: &Registers) -> impl Iterator<Item = usize> {
    (0..TRANSPORTS).map(|n| n * TRANSPORT).filter(|base| {
        registers.read(base + MAGIC) == VIRT && registers.read(base + DEVICE_ID) != 0
    })
}
