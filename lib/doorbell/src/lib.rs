// SPDX-License-Identifier: BSD-2-Clause
//! The doorbell: its registers as a guest sees them, and the mailbox between VMM and update.
//!
//! A guest offers a bundle that it has put in its staging region, reads the handle, stores what belongs on its
//! own side, and confirms. The VMM passes commands on to `update` through the [mailbox] in the gate pages and shows
//! `update`'s answers in the registers. Used by guests, VMM, `update` and the host tool.
//!
//! ```text
//! guest                          VMM                      update
//!  LENGTH, COMPONENT, COMMAND=1 ->  Request Offer      ->
//!                               <-  Answer Offered, handle
//!  HANDLE back, COMMAND=2       ->  Request Confirm    ->
//!                               <-  Answer Confirmed .. Committed | RolledBack | OutOfService | Refused
//! ```
#![no_std]
#![forbid(unsafe_code)]

mod mailbox;
mod reason;
pub mod regs;
mod status;

pub use mailbox::{ANSWER_WORDS, Answer, MAILBOX, REQUEST_WORDS, Request};
pub use reason::Reason;
pub use status::{Command, Status};
