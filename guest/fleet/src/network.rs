// SPDX-License-Identifier: BSD-2-Clause
//! What the client needs of the system below it: connections and a clock.

/// Why there is no connection, or no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// The host is neither an address of IPv4 nor a name in the list of hosts.
    #[error("the host is neither an address of IPv4 nor a name in /etc/hosts")]
    NoSuchHost,
    /// Nothing has come by the deadline.
    #[error("nothing has come in time")]
    Late,
    /// The system's error number.
    #[error("error number {0}")]
    Number(usize),
}

/// Makes connections, and knows the time.
pub trait Network {
    /// A TCP connection.
    type Connection: Connection;

    /// Connects.
    ///
    /// # Errors
    /// See [`Lost`].
    fn connect(&mut self, host: &str, port: u16, deadline: u64) -> Result<Self::Connection, Lost>;

    /// Milliseconds since some moment.
    fn now(&self) -> u64;

    /// Waits so many milliseconds.
    fn pause(&mut self, milliseconds: u64);
}

/// A TCP connection; closed when dropped. Deadlines are times of [`Network::now`].
pub trait Connection {
    /// Sends all of it.
    ///
    /// # Errors
    /// See [`Lost`].
    fn send(&mut self, bytes: &[u8], deadline: u64) -> Result<(), Lost>;

    /// Waits for at least a byte; 0: the other side sends no more.
    ///
    /// # Errors
    /// See [`Lost`].
    fn receive(&mut self, to: &mut [u8], deadline: u64) -> Result<usize, Lost>;
}
