// SPDX-License-Identifier: BSD-2-Clause
//! The interface between a driver, whatever the class of its device, and the generation that runs it (`molt-generation`):
//! the trait [`Service`].
#![no_std]
#![forbid(unsafe_code)]

mod error;

use core::fmt;

pub use error::Error;
pub use molt_control::Transfer;

/// An error that ends a generation.
pub trait Code: fmt::Debug + fmt::Display {
    /// A number for the error, not 0: the reason in the report of a failed generation. A device's own numbers are 1 to 99.
    fn code(&self) -> u64;
}

/// What one call of a [`Service`] has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Clients that wait for a notification of what was completed, one bit each.
    pub notify: u32,
    /// Requests given to the device.
    pub submitted: u32,
    /// Requests completed, those with an error included.
    pub completed: u32,
    /// Requests that failed at the device. A request that was refused for its client's fault is not counted here.
    pub errors: u32,
    /// There is more to do: the call ended only so that other work gets its turn, and has to be made again.
    pub more: bool,
}

/// A driver that serves its clients' queues.
pub trait Service {
    /// An error that the driver cannot handle. Only a reset of the device helps then, which the next generation makes.
    type Error: Code;

    /// Whether the device has started. If so, the device's properties are published to the clients, and requests are taken.
    /// To be called at the start, and at each later event until it returns `true`.
    ///
    /// A device that runs firmware has started only when it runs the one that the generation was given.
    ///
    /// # Errors
    /// See [`Self::Error`].
    fn ready(&mut self) -> Result<bool, Self::Error>;

    /// The version of the firmware that the device says that it runs, asked for when it has started; `None`: the version is the
    /// driver's alone.
    fn version(&self) -> Option<u64> {
        None
    }

    /// How many requests are with the device.
    fn in_flight(&self) -> usize;

    /// Sets whether requests are taken. If not, requests that are with the device are still completed.
    fn set_taking(&mut self, taking: bool);

    /// Gives the clients' requests to the device, as long as it has room, and completes what the device has done meanwhile.
    /// Afterwards the device interrupts when it has done more. It is also called at each heartbeat, so that a driver can see that the
    /// device has not answered in time.
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

    /// Begins to transfer `firmware`, which the next generation brings, to the device's spare bank. The clients are served meanwhile.
    /// The slice may be read until [`Self::transferred`] has returned the end.
    fn transfer(&mut self, firmware: &'static [u8]) {
        let _ = firmware;
    }

    /// How far that is.
    fn transferred(&self) -> Transfer {
        Transfer::Failed(NO_FIRMWARE)
    }

    /// The image that the generation runs has been committed: its firmware is what the device starts with from now on.
    fn committed(&mut self) {}
}

/// Why a transfer fails at a driver whose device runs no firmware.
pub const NO_FIRMWARE: u16 = 1;
