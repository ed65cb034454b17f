// SPDX-License-Identifier: BSD-2-Clause
//! The part of the `sel4-microkit` crate's API (rust-sel4 5.0) that Molt uses: protection domains
//! in Rust, for Microkit 2.3, on a stable compiler.
//!
//! A protection domain is a function that makes a [`Handler`]:
//!
//! ```ignore
//! #[protection_domain]
//! fn init() -> impl Handler {
//!     Serial::new()
//! }
//! ```
//!
//! The program's `build.rs` calls `sel4_build::protection_domain()`. The panic handler is here.
#![no_std]

mod channel;
mod defer;
mod entry;
mod handler;
mod heap;
mod ipc;
mod message;
mod panic;
mod symbols;

pub use channel::{Channel, Child, IrqAckError};
pub use defer::{DeferredAction, DeferredActionInterface, DeferredActionSlot};
pub use handler::{Handler, Infallible, Never, NullHandler};
pub use ipc::{ChannelSet, DisplayChannelSet};
pub use message::{
    MessageInfo, MessageLabel, MessageRegisterValue, get_mr, set_mr, with_msg_bytes,
    with_msg_bytes_mut, with_msg_regs, with_msg_regs_mut,
};
pub use sel4_extra::{debug_print, debug_println};
pub use sel4_microkit_macros::protection_domain;
pub use symbols::{pd_is_passive, pd_name};

#[doc(hidden)]
pub mod _private {
    pub use crate::entry::{Stack, start};
    pub use crate::heap::Heap;
    pub use crate::symbols::ImmutableCell;
    pub use sel4_extra::{__with_given_stack as with_given_stack, __with_stack as with_stack};
}
