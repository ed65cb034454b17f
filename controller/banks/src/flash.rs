// SPDX-License-Identifier: BSD-2-Clause
//! The flash, as far as this crate has to know it.

/// The flash did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault;

impl From<Fault> for molt_firmware::Refusal {
    fn from(_: Fault) -> Self {
        Self::Flash
    }
}

/// A NOR flash: an erase sets the bits of a sector, a program clears bits of a page. Each call returns when it is done.
pub trait Flash {
    /// Reads from any offset.
    ///
    /// # Errors
    /// The flash failed, or this is not in it.
    fn read(&mut self, at: u32, into: &mut [u8]) -> Result<(), Fault>;

    /// Programs bytes within one page ([`crate::layout::PAGE`]).
    ///
    /// # Errors
    /// The flash failed, or this is not within a page.
    fn program(&mut self, at: u32, bytes: &[u8]) -> Result<(), Fault>;

    /// Erases the sector that begins here ([`crate::layout::SECTOR`]).
    ///
    /// # Errors
    /// The flash failed, or no sector begins here.
    fn erase(&mut self, at: u32) -> Result<(), Fault>;
}

impl<F: Flash> Flash for &mut F {
    fn read(&mut self, at: u32, into: &mut [u8]) -> Result<(), Fault> {
        F::read(self, at, into)
    }

    fn program(&mut self, at: u32, bytes: &[u8]) -> Result<(), Fault> {
        F::program(self, at, bytes)
    }

    fn erase(&mut self, at: u32) -> Result<(), Fault> {
        F::erase(self, at)
    }
}
