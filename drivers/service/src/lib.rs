// SPDX-License-Identifier: BSD-2-Clause
//! What every driver does for its clients, whatever the class of its device: the seam between a driver and the life of a generation
//! (`molt-generation`).
#![no_std]
#![forbid(unsafe_code)]

use core::fmt;

/// An error that ends a generation.
pub trait Code: fmt::Debug + fmt::Display {
    /// A number for it, not 0: the reason of a failed report. A device's own are from 1 to 99.
    fn code(&self) -> u64;
}

/// What one call has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Clients that wait for a notification of what was completed, one bit each.
    pub notify: u32,
    /// Requests given to the device.
    pub submitted: u32,
    /// Requests completed, those with an error included.
    pub completed: u32,
    /// Of them, those that failed at the device. A request that was refused for its client's fault is none of these.
    pub errors: u32,
    /// It ended for the sake of other work, not for lack of its own: to be called again.
    pub more: bool,
}

/// A driver that serves its clients' queues.
pub trait Service {
    /// What makes it give up: only a reset of the device helps then, which is the next generation's.
    type Error: Code;

    /// Whether the device has started. When it has, the clients are told what it can do, and requests are taken. To be asked
    /// at the start, and after each interrupt until it says yes.
    ///
    /// # Errors
    /// See [`Self::Error`].
    fn ready(&mut self) -> Result<bool, Self::Error>;

    /// How many requests are with the device.
    fn in_flight(&self) -> usize;

    /// Whether requests are taken. Where they are not, what is with the device is still completed.
    fn set_taking(&mut self, taking: bool);

    /// Gives the device what the clients ask for, as long as there is room, and completes what the device has done meanwhile.
    /// Afterwards the device interrupts when it has done more.
    ///
    /// # Errors
    /// See [`Self::Error`].
    fn pump(&mut self) -> Result<Progress, Self::Error>;

    /// Reads and acknowledges the device's interrupt status, and completes what the device has done.
    /// To be called once before the interrupt is acknowledged at the kernel and once after:
    /// an edge-triggered line rises again only after the status has been 0.
    ///
    /// # Errors
    /// See [`Self::Error`].
    fn interrupt(&mut self) -> Result<Progress, Self::Error>;
}
