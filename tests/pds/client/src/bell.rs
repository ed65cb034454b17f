// SPDX-License-Identifier: BSD-2-Clause
//! The doorbell's mailbox, from a bundle in parts to its end.

use core::sync::atomic::AtomicU64;

use molt_doorbell::{Answer, Command, Reason, Request, Status};
use molt_shared::Memory;
use molt_system::VmmBrief;
use molt_test_native::brief;
use sel4_microkit::Channel;

/// The doorbell.
pub struct Bell {
    to_client: &'static [AtomicU64],
    to_update: &'static [AtomicU64],
    update: Option<Channel>,
    staging: Memory,
    component: u32,
    serial: u64,
    confirmed: bool,
    under_way: bool,
}

impl Bell {
    /// The doorbell of the brief.
    pub fn new(brief: &VmmBrief, component: u32) -> Self {
        let (to_client, to_update) = brief::gate_pages(&brief.gate);
        Self {
            to_client,
            to_update,
            update: brief::channel(brief.update_channel),
            staging: brief::staging(brief),
            component,
            serial: 0,
            confirmed: false,
            under_way: false,
        }
    }

    /// Offers a bundle in two parts.
    pub fn offer(&mut self, header: &[u8], payload: &[u8]) {
        let length = header.len() + payload.len();
        let staged = self.staging.write(0, header);
        if staged
            .and(self.staging.write(header.len(), payload))
            .is_none()
        {
            panic!("the staging region is too small");
        }
        self.under_way = true;
        self.confirmed = false;
        self.send(Command::Offer, length as u32, 0);
    }

    /// Whether a transaction is under way.
    pub fn under_way(&self) -> bool {
        self.under_way
    }

    /// Confirms an offer that was taken. Returns how the transaction ended, if it has.
    pub fn look(&mut self) -> Option<(Status, Reason)> {
        let answer = Answer::read(self.to_client)?;
        if !self.under_way || answer.serial != self.serial {
            return None;
        }
        if answer.status == Status::Offered && !self.confirmed {
            self.confirmed = true;
            self.send(Command::Confirm, 0, answer.handle);
        } else if answer.status.is_final() {
            self.under_way = false;
            return Some((answer.status, answer.reason));
        }
        None
    }

    fn send(&mut self, command: Command, length: u32, handle: u64) {
        self.serial += 1;
        Request {
            serial: self.serial,
            command,
            component: self.component,
            length,
            handle,
        }
        .write(self.to_update);
        if let Some(update) = self.update {
            update.notify();
        }
    }
}
