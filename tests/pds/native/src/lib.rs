// SPDX-License-Identifier: BSD-2-Clause
//! Code that native clients of replaceable drivers share: their brief, their lines on the console, their doorbell, and the client
//! itself ([`NativeClient`]), which is given its class's [`Work`]. It closes and opens its queue as the gate says. If the
//! description gives it an archive of bundles (symbols `bundles`, `bundles_size`) and a doorbell, it offers each bundle in turn.
//! For a disk, a load that keeps eight requests in flight and compares what it reads with what it wrote.
#![no_std]

extern crate alloc;

mod bell;
pub mod brief;
mod client;
mod console;
mod load;

pub use bell::Bell;
pub use client::{NativeClient, Plan, Work};
pub use console::Console;
pub use load::Load;

use sel4_microkit::Channel;

/// Notifies a channel, if it is there.
pub fn notify(channel: Option<Channel>) {
    if let Some(channel) = channel {
        channel.notify();
    }
}
