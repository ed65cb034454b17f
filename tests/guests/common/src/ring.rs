// SPDX-License-Identifier: BSD-2-Clause
//! Rings the doorbell: offers a bundle, confirms with the handle, and watches how it ends.

use core::fmt;
use core::ops::Range;

use molt_doorbell::{Command, Reason, Status, regs};

/// The doorbell, however this guest reaches it.
pub trait Doorbell {
    /// Reads the register at this offset.
    fn read(&self, offset: u64) -> u32;
    /// Writes it.
    fn write(&mut self, offset: u64, value: u32);
    /// Puts the bundle at the start of the staging region, as much of it as fits.
    fn stage(&mut self, bundle: &[u8]);
    /// Writes zeros over a part of the staging region. Only guests that break the rules do.
    fn spoil(&mut self, _part: Range<usize>) {}
    /// Prints a line.
    fn say(&mut self, line: fmt::Arguments<'_>);
}

/// The parts of an update in which a guest may be disturbed in different ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Before the first offer.
    Before,
    /// `update` prepares beside the running driver.
    Preparing,
    /// The running driver transfers the next one's firmware to its device, where the component has any.
    Transferring,
    /// From the denial of the device to the end of the probation.
    Exchanging,
    /// Anything else.
    Other,
}

/// The behaviour of a guest between its offer and the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Conduct {
    /// Confirms at once, and leaves the staging region alone.
    #[default]
    Orderly,
    /// Confirms when [`Ring::confirm`] is called.
    Waits,
    /// Writes over the bundle's end when it is being copied.
    SpoilsTheCopied,
    /// Writes over the bundle's start when it has been verified.
    SpoilsTheVerified,
}

/// Bytes that a guest spoils.
const SPOILT: usize = 4096;

/// The doorbell as a guest uses it, for one component at a time.
pub struct Ring<D> {
    doorbell: D,
    component: u32,
    conduct: Conduct,
    /// Bytes of the bundle on offer.
    length: usize,
    confirmed: bool,
    status: Status,
    /// Between the offer and the end.
    under_way: bool,
    /// It was interrupted because an update waits for it.
    waited_for: bool,
    /// Something was offered.
    offered: bool,
    /// Nothing is printed.
    silent: bool,
}

impl<D: Doorbell> Ring<D> {
    /// For the component of this number.
    pub fn new(doorbell: D, component: u32, conduct: Conduct) -> Self {
        Self {
            doorbell,
            component,
            conduct,
            length: 0,
            confirmed: false,
            status: Status::Idle,
            under_way: false,
            waited_for: false,
            offered: false,
            silent: false,
        }
    }

    /// Prints nothing from now on, for a guest that measures: a line is some 70 exits.
    pub fn be_silent(&mut self) {
        self.silent = true;
    }

    fn say(&mut self, line: fmt::Arguments<'_>) {
        if !self.silent {
            self.doorbell.say(line);
        }
    }

    /// Takes over the transaction that an earlier life of this guest has left, if one is under way: it is waited for, not confirmed.
    pub fn take_over(&mut self) {
        let status = Status::from_u32(self.doorbell.read(regs::STATUS));
        if let Some(status) = status.filter(|status| *status != Status::Idle && !status.is_final())
        {
            self.status = status;
            self.under_way = true;
            self.offered = true;
            self.confirmed = true;
        }
    }

    /// Whether a transaction of ours is under way.
    pub fn under_way(&self) -> bool {
        self.under_way
    }

    /// Whether `update` prepares beside the running driver: the time in which nothing may be disturbed.
    pub fn preparing(&self) -> bool {
        self.part() == Part::Preparing
    }

    /// The part of an update that it is.
    pub fn part(&self) -> Part {
        match self.status {
            _ if !self.offered => Part::Before,
            _ if !self.under_way => Part::Other,
            Status::Confirmed | Status::Verified => Part::Preparing,
            Status::Staged => Part::Transferring,
            Status::Transferred
            | Status::Quiesced
            | Status::Denied
            | Status::Granted
            | Status::Probation => Part::Exchanging,
            _ => Part::Other,
        }
    }

    /// From now on for this one; between transactions.
    pub fn set_component(&mut self, component: u32) {
        self.component = component;
    }

    /// Number of the generation that drives the component's device.
    pub fn generation(&mut self) -> u32 {
        self.doorbell.write(regs::COMPONENT, self.component);
        self.doorbell.read(regs::GENERATION)
    }

    /// Defers updates of the component for so many ms; 0: not any more. Returns whether that counts.
    pub fn defer(&mut self, ms: u32) -> bool {
        self.doorbell.write(regs::COMPONENT, self.component);
        self.doorbell.write(regs::DEFER, ms);
        ms != 0 && self.doorbell.read(regs::DEFER) == ms
    }

    /// Whether an update of the component waits for this guest, which was interrupted when that began.
    pub fn is_waited_for(&mut self) -> bool {
        self.doorbell.write(regs::COMPONENT, self.component);
        self.waited_for && self.doorbell.read(regs::DEFERRED) != 0
    }

    /// Puts the bundle in the staging region and offers it.
    pub fn offer(&mut self, name: &str, bundle: &[u8]) {
        self.doorbell.stage(bundle);
        self.say(format_args!("ring offer={name} bytes={}", bundle.len()));
        self.under_way = true;
        self.offered = true;
        self.confirmed = false;
        self.length = bundle.len();
        self.doorbell.write(regs::COMPONENT, self.component);
        // A bundle that does not fit is offered at its true length: the refusal is worth seeing.
        let length = u32::try_from(bundle.len()).unwrap_or(u32::MAX);
        self.doorbell.write(regs::LENGTH, length);
        self.doorbell.write(regs::COMMAND, Command::Offer as u32);
    }

    /// Offers `length` bytes so many times, without waiting for an answer.
    pub fn flood(&mut self, offers: u64, length: u32) {
        self.doorbell.write(regs::COMPONENT, self.component);
        self.doorbell.write(regs::LENGTH, length);
        for _ in 0..offers {
            self.doorbell.write(regs::COMMAND, Command::Offer as u32);
        }
        self.say(format_args!("flooded offers={offers}"));
    }

    /// Whether an offer was taken and is to be confirmed.
    pub fn is_unconfirmed(&self) -> bool {
        self.under_way && self.status == Status::Offered && !self.confirmed
    }

    /// Confirms with the offer's handle.
    pub fn confirm(&mut self) {
        self.confirmed = true;
        for half in [regs::HANDLE_LOW, regs::HANDLE_HIGH] {
            let value = self.doorbell.read(half);
            self.doorbell.write(half, value);
        }
        self.doorbell.write(regs::COMMAND, Command::Confirm as u32);
    }

    /// Reads the status; confirms an offer that was accepted; prints what has changed.
    pub fn look(&mut self) {
        let raised = self.doorbell.read(regs::INTERRUPT_STATUS);
        if raised != 0 {
            self.doorbell.write(regs::INTERRUPT_STATUS, raised);
            self.waited_for |= raised & regs::WAITED_FOR != 0;
        }
        let Some(status) = Status::from_u32(self.doorbell.read(regs::STATUS)) else {
            return;
        };
        if !self.under_way || status == self.status {
            return;
        }
        self.status = status;
        let reason = Reason::from_u32(self.doorbell.read(regs::REASON));
        let generation = self.doorbell.read(regs::GENERATION);
        let sequence = self.doorbell.read(regs::SEQUENCE);
        self.say(format_args!(
            "ring status={} reason={} generation={generation} sequence={sequence}",
            Dashed(status.text()),
            reason.map_or("unknown", Reason::word),
        ));
        match (status, self.conduct) {
            (Status::Offered, Conduct::Waits) => {}
            (Status::Offered, _) => self.confirm(),
            (Status::Confirmed, Conduct::SpoilsTheCopied) => {
                let end = self.length;
                self.doorbell.spoil(end.saturating_sub(SPOILT)..end);
            }
            (Status::Verified, Conduct::SpoilsTheVerified) => self.doorbell.spoil(0..SPOILT),
            _ => {}
        }
        if status.is_final() {
            self.under_way = false;
            self.status = Status::Idle;
        }
    }
}

/// A text of several words as one.
struct Dashed(&'static str);

impl fmt::Display for Dashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, word) in self.0.split(' ').enumerate() {
            if index > 0 {
                f.write_str("-")?;
            }
            f.write_str(word)?;
        }
        Ok(())
    }
}
