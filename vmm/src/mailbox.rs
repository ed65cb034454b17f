// SPDX-License-Identifier: BSD-2-Clause
//! The VMM's end of the mailbox to `update`, which all doorbells of its guest share: the guest has one transaction at a time,
//! whichever of them it uses.

use core::cell::Cell;
use core::sync::atomic::AtomicU64;

use molt_doorbell::{Answer, Command, Request, Status};

/// The mailbox.
pub struct Mailbox<'a> {
    to_client: &'a [AtomicU64],
    to_update: &'a [AtomicU64],
    /// Serial number of the newest command.
    serial: Cell<u64>,
    /// Of the newest one of which `update` was notified.
    notified: Cell<u64>,
    /// The component that the newest command is about.
    component: Cell<u32>,
    /// The guest was reset after its newest command.
    abandoned: Cell<bool>,
}

impl<'a> Mailbox<'a> {
    /// The mailbox in the whole gate pages.
    #[must_use]
    pub const fn new(to_client: &'a [AtomicU64], to_update: &'a [AtomicU64]) -> Self {
        Self {
            to_client,
            to_update,
            serial: Cell::new(0),
            notified: Cell::new(0),
            component: Cell::new(0),
            abandoned: Cell::new(false),
        }
    }

    /// `update`'s newest answer. `None`: there is none, or it is being written, which `update` tells when it is done.
    #[must_use]
    pub fn answer(&self) -> Option<Answer> {
        Answer::read(self.to_client)
    }

    /// Serial number of the newest command; 0: there was none.
    #[must_use]
    pub fn serial(&self) -> u64 {
        self.serial.get()
    }

    /// The component that the newest command is about.
    #[must_use]
    pub fn component(&self) -> u32 {
        self.component.get()
    }

    /// Number of the generation that a component is granted to.
    #[must_use]
    pub fn generation(&self, component: u32) -> u64 {
        molt_gate::granted(self.to_client, component as usize)
    }

    /// Writes a command. Returns whether `update` is to be notified.
    ///
    /// It is notified once, and finds the newest command when it looks: a guest that gives commands in a loop, without waiting
    /// for answers, must not wake it with each.
    pub fn send(&self, command: Command, component: u32, length: u32, handle: u64) -> bool {
        self.serial.set(self.serial.get() + 1);
        self.component.set(component);
        self.abandoned.set(false);
        let request = Request {
            serial: self.serial.get(),
            command,
            component,
            length,
            handle,
        };
        request.write(self.to_update);
        self.is_due()
    }

    /// The guest is reset. An offer that it has not confirmed is taken back, as `update` does when a guest's VMM dies; a confirmed
    /// one goes on. Returns whether `update` is to be notified.
    pub fn reset(&self) -> bool {
        self.abandoned.set(true);
        self.take_back()
    }

    /// Takes an offer back, once `update` has answered the newest command.
    fn take_back(&self) -> bool {
        if !self.abandoned.get() {
            return false;
        }
        let newest = |answer: &Answer| answer.serial == self.serial.get();
        let Some(answer) = self.answer().filter(newest) else {
            return false;
        };
        self.abandoned.set(false);
        answer.status == Status::Offered
            && self.send(Command::Cancel, self.component.get(), 0, answer.handle)
    }

    /// Looks after what is to be done of its own accord. Returns whether `update` is to be notified.
    pub fn look(&self) -> bool {
        self.take_back() | self.is_due()
    }

    /// Whether `update`, which has answered the command of which it was notified last, is to be notified of a newer one; from here
    /// on it is.
    fn is_due(&self) -> bool {
        let answered = self.answer().map_or(0, |answer| answer.serial);
        let due = answered >= self.notified.get() && answered < self.serial.get();
        if due {
            self.notified.set(self.serial.get());
        }
        due
    }
}
