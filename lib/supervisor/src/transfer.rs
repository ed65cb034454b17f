// SPDX-License-Identifier: BSD-2-Clause
//! Firmware that a generation brings to its device: where `stage` has put it, and its transfer by the generation before.
//!
//! The frames belong to the arena of the new generation, which maps them for as long as it lives. For the transfer, copies of them are
//! mapped read-only into the generation that has the device. They are deleted before it is ordered to quiesce, so that this
//! costs the blackout nothing.

use heapless::Vec;
use molt_control::Transfer as State;
use molt_control::stage::Results;
use molt_system::cspace::WORKSHOP_TCB;
use molt_system::{MAX_FIRMWARE, VaultSlot};
use molt_trace::Event as Trace;
use molt_update::{Event, Phase};

use crate::books::Books;
use crate::client::PAGE;
use crate::holder::{copy, twice};
use crate::unit::{Unit, pages};
use crate::work::Kind;
use crate::{Attributes, Kernel, Result, Rights, Space, Supervisor};

/// Most pages of firmware.
const PAGES: usize = (MAX_FIRMWARE / PAGE) as usize;
/// How often a generation whose device may have to be asked again is woken, in us.
const POKE_US: u64 = 10_000;

/// The firmware that was built in an arena.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Firmware {
    /// Its first frame, as an index of the arena's capabilities.
    first: u32,
    /// Bytes; 0: there is none.
    pub bytes: u32,
    /// SHA-256 of it, little endian words.
    pub digest: [u64; 4],
}

impl Firmware {
    /// From `stage`'s answer. More bytes than a plan allows are no firmware.
    pub fn built(results: &Results) -> Self {
        let Results {
            firmware_slot,
            firmware_length,
            firmware_digest,
            ..
        } = *results;
        let slot = u32::try_from(firmware_slot).unwrap_or(0);
        match slot.checked_sub(WORKSHOP_TCB) {
            Some(first) if firmware_length <= MAX_FIRMWARE => Self {
                first,
                bytes: firmware_length as u32,
                digest: firmware_digest,
            },
            _ => Self::default(),
        }
    }

    fn pages(self) -> u32 {
        self.bytes.div_ceil(PAGE as u32)
    }
}

/// The transfer under way.
#[derive(Default)]
pub struct Transfer {
    /// The arena whose firmware is mapped into the generation that has the device, and the copies through which it is.
    shown: u8,
    copies: Vec<VaultSlot, PAGES>,
    /// Serial number of the order that has not been answered.
    serial: Option<u32>,
    /// When the generation is woken next, in us.
    poke: u64,
}

impl Transfer {
    /// The transfer from this arena is not wanted any more. What is mapped is taken away with [`Self::hide_page`].
    pub fn give_up(&mut self, arena: u8) {
        if self.shown == arena {
            self.serial = None;
        }
    }

    /// Takes one page away again. Returns whether there is none left.
    pub fn hide_page<'m>(&mut self, kernel: &impl Kernel<'m>, books: &mut Books) -> Result<bool> {
        if let Some(slot) = self.copies.last().copied() {
            twice(|| kernel.delete(slot))?;
            books.give_back(slot);
            self.copies.pop();
        }
        Ok(self.copies.is_empty())
    }

    /// Whether pages of this arena are mapped into another generation.
    pub fn shows(&self, arena: u8) -> bool {
        self.shown == arena && !self.copies.is_empty()
    }
}

impl<'m> Unit<'m> {
    /// Whether the device runs firmware that comes with its driver.
    pub(crate) fn has_firmware(&self) -> bool {
        self.plan.firmware.size != 0
    }

    /// Maps page `n` of the firmware in `arena` into the generation that has the device. Returns whether there is no more.
    pub(crate) fn show_page(
        &mut self,
        kernel: &impl Kernel<'m>,
        books: &mut Books,
        arena: u8,
        n: u32,
    ) -> Result<bool> {
        let firmware = pages(&mut self.control, arena).firmware;
        let (Phase::Transferring, Some(place), true) = (
            self.machine.phase(),
            self.holder.place(),
            n < firmware.pages(),
        ) else {
            return Ok(true);
        };
        let frame = books
            .arena(self.arena_number(arena))
            .after(firmware.first + n);
        self.transfer.shown = arena;
        let slot = copy(kernel, books, &mut self.transfer.copies, frame)?;
        let space = Space::Vault(place.vspace);
        let vaddr = self.plan.firmware.next + u64::from(n) * PAGE;
        kernel.map(slot, space, vaddr, Rights::READ, Attributes::Normal)?;
        Ok(n + 1 >= firmware.pages())
    }

    /// Wakes a driver that may have to ask its device again. It has no timer.
    pub(crate) fn poke(&mut self, kernel: &impl Kernel<'m>, now: u64) {
        if self.pokes() && self.transfer.poke <= now {
            self.transfer.poke = now + POKE_US;
            kernel.notify(self.plan.channel);
        }
    }

    /// When the driver is to be woken next, in us.
    pub(crate) fn poke_due(&self) -> Option<u64> {
        self.pokes().then_some(self.transfer.poke)
    }

    /// How far the transfer under way is, per mille.
    pub(crate) fn transfer_progress(&self) -> u32 {
        let serial = self.transfer.serial;
        match serial.map(|serial| self.report().transfer(serial)) {
            Some(State::Working(per_mille)) => per_mille.into(),
            _ => 0,
        }
    }

    fn pokes(&self) -> bool {
        self.has_firmware() && matches!(self.machine.phase(), Phase::Starting | Phase::Transferring)
    }
}

impl<'m, K: Kernel<'m>> Supervisor<'m, K> {
    /// Begins the transfer of the firmware in `arena`.
    pub(crate) fn transfer(&mut self, index: usize, arena: u8) {
        self.work.add(index, arena, Kind::Show);
    }

    /// The firmware is mapped into the generation that has the device, or could not be.
    pub(crate) fn shown(&mut self, index: usize, arena: u8, result: Result) {
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        if unit.machine.phase() != Phase::Transferring {
            return;
        }
        if result.is_err() {
            return self.transfer_failed(index);
        }
        let bytes = pages(&mut unit.control, arena).firmware.bytes;
        let serial = unit.orders().transfer(bytes);
        unit.transfer.serial = Some(serial);
        self.kernel.notify(unit.plan.channel);
    }

    /// Looks whether the generation has answered.
    pub(crate) fn look_at_transfer(&mut self, index: usize) {
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        let Some(serial) = unit.transfer.serial else {
            return;
        };
        match unit.report().transfer(serial) {
            State::Working(_) => {}
            State::Done => {
                unit.transfer.serial = None;
                let arena = unit.transfer.shown;
                self.work.add(index, arena, Kind::Hide);
            }
            State::Failed(reason) => {
                unit.transfer.serial = None;
                let event = Trace::TransferFailed {
                    component: self.name(index),
                    reason: reason.into(),
                };
                self.trace(event);
                self.transfer_failed(index);
            }
        }
    }

    /// The generation cannot reach the next one's firmware any more.
    pub(crate) fn hidden(&mut self, index: usize, result: Result) {
        let holder = self.units.get(index).and_then(|u| u.machine.holder());
        match (result, holder) {
            (Ok(()), Some(generation)) => self.give(index, Event::Transferred(generation)),
            _ => self.transfer_failed(index),
        }
    }

    fn transfer_failed(&mut self, index: usize) {
        if let Some(generation) = self.units.get(index).and_then(|u| u.machine.holder()) {
            self.give(index, Event::TransferFailed(generation));
        }
    }

    /// Tells a generation that its image is the committed one.
    pub(crate) fn confirm(&mut self, index: usize) {
        if let Some(unit) = self.units.get_mut(index) {
            unit.orders().committed();
            self.kernel.notify(unit.plan.channel);
        }
    }

    /// Traces that the device has the firmware of the next generation.
    pub(crate) fn trace_transfer(&mut self, index: usize) {
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        let [first, second] = unit.control.each_ref().map(|control| control.firmware);
        let new = if unit.serving == 0 { second } else { first };
        let event = Trace::Transferred {
            component: self.name(index),
            bytes: new.bytes.into(),
            other: u64::from(first.digest != second.digest),
        };
        self.trace(event);
    }
}
