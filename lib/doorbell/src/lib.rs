// SPDX-License-Identifier: BSD-2-Clause
//! The doorbell: as a guest sees it, by registers ([`regs`]) or on a port ([`port`]), and the mailbox between VMM and
//! `update`.
//!
//! A guest puts a bundle into its staging region and offers it, reads the handle, saves what it has to save on its own
//! side, and confirms with the handle. The VMM passes the commands to `update` through the mailbox in the gate pages and
//! shows `update`'s answers in the registers, or on the port. Guests, VMM, `update` and the host tool use this crate.
//!
//! ```text
//! guest                          VMM                      update
//!  LENGTH, COMPONENT, COMMAND=1 ->  Request Offer      ->
//!                               <-  Answer Offered, handle
//!  HANDLE back, COMMAND=2       ->  Request Confirm    ->
//!                               <-  Answer Confirmed .. Committed | RolledBack | OutOfService | Refused
//! ```
//!
//! A list of keys is offered in the same way, and ends with KeysExchanged in place of Committed.
#![no_std]
#![forbid(unsafe_code)]

mod mailbox;
pub mod port;
mod reason;
pub mod regs;
mod status;

pub use mailbox::{ANSWER_WORDS, Answer, Deferrer, MAILBOX, REQUEST_WORDS, Request};
pub use reason::Reason;
pub use status::{Command, Status};
