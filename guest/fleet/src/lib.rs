// SPDX-License-Identifier: BSD-2-Clause
//! A fleet's way in: [`Agent`] polls a server that speaks hawkBit's device interface, fetches what it delivers, offers it at the
//! doorbell, and reports what came of it.
//!
//! The server is trusted for delivery and nothing else: the bundle's signature decides, which `stage` checks. What the server says
//! is bounded before it is read, and the agent keeps a [`Record`] of the last action, so that neither its own end nor the
//! guest's leaves an action without a report or offers it twice.
//!
//! | file | what |
//! |---|---|
//! | `ddi` | the interface's documents |
//! | `url`, `http`, `body` | the client; what is below it is [`Network`] |
//! | `fetch`, `archive` | a file, and the bundle in it |
//! | `record` | what is kept of the last action, in a [`Store`] |
//! | `machine` | what is to be done; decides and does nothing |
//! | `bell` | the offer at the doorbell |
//! | `agent` | carries it all out |
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod agent;
mod archive;
mod bell;
mod body;
mod ddi;
mod fetch;
mod http;
mod machine;
mod network;
mod record;
mod store;
mod trouble;
mod url;

pub use agent::{Agent, Cycle, mistake, token};
pub use bell::Bell;
pub use ddi::Action;
pub use network::{Connection, Lost, Network};
pub use record::{MAX_RECORD, Record, Words};
pub use store::Store;
pub use trouble::Trouble;
pub use url::{BadUrl, MAX_URL};
