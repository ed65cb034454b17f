// SPDX-License-Identifier: BSD-2-Clause
//! What outlives the program: the record of the last action, and its bundle.

/// A folder that the program may write to. Errors are the system's numbers.
pub trait Store {
    /// A fetched file's bytes.
    type File: AsRef<[u8]>;

    /// Reads the record; 0: there is none.
    ///
    /// # Errors
    /// The system's number.
    fn record(&mut self, to: &mut [u8]) -> Result<usize, usize>;

    /// Puts another one in its place, at once and so that it outlives the power.
    ///
    /// # Errors
    /// The system's number; the old one is still there.
    fn keep(&mut self, record: &[u8]) -> Result<(), usize>;

    /// Begins a new file in the place of the one that was fetched before.
    ///
    /// # Errors
    /// The system's number.
    fn begin(&mut self) -> Result<(), usize>;

    /// Writes on at its end.
    ///
    /// # Errors
    /// The system's number.
    fn append(&mut self, bytes: &[u8]) -> Result<(), usize>;

    /// What was fetched.
    ///
    /// # Errors
    /// The system's number.
    fn fetched(&mut self) -> Result<Self::File, usize>;

    /// Removes it.
    fn discard(&mut self);
}
