// SPDX-License-Identifier: BSD-2-Clause
//! The gate between `update` and a client of a replaceable PD: deny, acknowledge, resume.
//!
//! One pair of pages for each client, as 64-bit words, neither of them ever revoked. Each word has one writer.
//!
//! | page | word | content |
//! |---|---|---|
//! | `to_client` | 0..8 | gate of component c: `epoch << 2 \| state` ([`Gate`]) |
//! | `to_client` | 8..16 | generation that component c is granted to |
//! | `to_update` | 0..8 | the gate that the client acknowledged last for component c |
//! | `to_update` | 8..16 | the client's [`Account`] of component c: `violations << 16 \| owed` |
//! | both | 16..32 | the doorbell's mailbox (`molt-doorbell`) |
//! | `to_client` | 32..40 | until when an update of component c waits for the client at the most; 0: none waits ([`Deferrals`]) |
//! | `to_client` | 40..48 | the epoch of component c's closed gate, once the component is denied: its device is at rest ([`ClientGate::is_denied`]) |
//! | `to_update` | 32..40 | until when the client defers updates of component c; 0: it does not |
//! | `to_update` | 448..512 | the client's [`Statistics`] |
//!
//! What the client does when a gate changes (it is notified, and also looks before each batch of work on the queue):
//!
//! - *Closed*: it finishes the access that it has begun, acknowledges, and does not touch the region any more.
//! - *Out of service*: the same; from then on it answers all requests with errors, also those that are not completed.
//! - *Open*: it writes its queue anew from its private record, acknowledges, and notifies the driver.
//!
//! Neither side waits in a loop.
#![no_std]
#![forbid(unsafe_code)]

mod account;
mod client;
mod deferral;
mod denial;
mod statistics;
mod warden;
mod word;

pub use account::Account;
pub use client::{Change, ClientGate, granted};
pub use deferral::{DEFERRALS, Deferrals};
pub use statistics::{STATISTICS, Statistics};
pub use warden::Warden;
pub use word::{Gate, State};

/// Components that a pair of pages has room for.
pub const COMPONENTS: usize = 8;
/// Words of a page.
pub const WORDS: usize = 512;
