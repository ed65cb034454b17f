// SPDX-License-Identifier: BSD-2-Clause
//! Rings the doorbell: offers a bundle, confirms with the handle, and watches how it ends.

use core::ptr;

use molt_doorbell::{Command, Reason, Status, regs};

use crate::console::say;
use crate::machine::Doorbell;

/// The doorbell as the guest uses it.
pub struct Ring {
    doorbell: Doorbell,
    component: u32,
    status: Status,
    /// Between the offer and the end.
    under_way: bool,
}

impl Ring {
    /// For the component of this number.
    pub fn new(doorbell: Doorbell, component: u32) -> Self {
        Self {
            doorbell,
            component,
            status: Status::Idle,
            under_way: false,
        }
    }

    /// Whether a transaction of ours is under way.
    pub fn under_way(&self) -> bool {
        self.under_way
    }

    /// Whether `update` prepares beside the running driver: the time in which nothing may be disturbed.
    pub fn preparing(&self) -> bool {
        self.under_way && matches!(self.status, Status::Confirmed | Status::Verified)
    }

    /// Puts the bundle in the staging region and offers it.
    pub fn offer(&mut self, name: &str, bundle: &[u8]) {
        let length = bundle.len().min(self.doorbell.staging_size);
        let staging = ptr::with_exposed_provenance_mut::<u8>(self.doorbell.staging);
        // SAFETY: the device tree names this region as ours to write, so many bytes long.
        unsafe { ptr::copy_nonoverlapping(bundle.as_ptr(), staging, length) };
        say!("ring offer={name} bytes={}", bundle.len());
        self.under_way = true;
        self.write(regs::COMPONENT, self.component);
        // A bundle that does not fit is offered at its true length: the refusal is worth seeing.
        self.write(
            regs::LENGTH,
            u32::try_from(bundle.len()).unwrap_or(u32::MAX),
        );
        self.write(regs::COMMAND, Command::Offer as u32);
    }

    /// Looks at the status; confirms an offer that was taken; says what changed.
    pub fn look(&mut self) {
        if self.read(regs::INTERRUPT_STATUS) != 0 {
            self.write(regs::INTERRUPT_STATUS, 1);
        }
        let Some(status) = Status::from_u32(self.read(regs::STATUS)) else {
            return;
        };
        if !self.under_way || status == self.status {
            return;
        }
        self.status = status;
        let reason = Reason::from_u32(self.read(regs::REASON)).map_or("unknown", Reason::word);
        let word = status.text();
        say!(
            "ring status={} reason={reason} generation={} sequence={}",
            Dashed(word),
            self.read(regs::GENERATION),
            self.read(regs::SEQUENCE)
        );
        if status == Status::Offered {
            let (low, high) = (self.read(regs::HANDLE_LOW), self.read(regs::HANDLE_HIGH));
            self.write(regs::HANDLE_LOW, low);
            self.write(regs::HANDLE_HIGH, high);
            self.write(regs::COMMAND, Command::Confirm as u32);
        }
        if status.is_final() {
            self.under_way = false;
            self.status = Status::Idle;
        }
    }

    fn read(&self, offset: u64) -> u32 {
        let register = self.doorbell.device.registers + offset as usize;
        // SAFETY: a register of the doorbell, which the translation table maps as a device.
        unsafe { ptr::with_exposed_provenance::<u32>(register).read_volatile() }
    }

    fn write(&self, offset: u64, value: u32) {
        let register = self.doorbell.device.registers + offset as usize;
        // SAFETY: as above.
        unsafe { ptr::with_exposed_provenance_mut::<u32>(register).write_volatile(value) };
    }
}

/// A text of several words as one.
struct Dashed(&'static str);

impl core::fmt::Display for Dashed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for (index, word) in self.0.split(' ').enumerate() {
            if index > 0 {
                f.write_str("-")?;
            }
            f.write_str(word)?;
        }
        Ok(())
    }
}
