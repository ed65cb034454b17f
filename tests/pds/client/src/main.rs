// SPDX-License-Identifier: BSD-2-Clause
//! A native client of the test ramdisk. It acts as a guest, and offers one bundle after the other.
//!
//! The archive of bundles (symbols `bundles`, `bundles_size`) holds the seed of the key that it signs with, two good images,
//! then bad ones. The client
//! makes bundles of its own of them: under rising sequence numbers, and of bad images with another digest each time. It
//! takes the two good ones in turn, [`plan::SWAPS`] times, and a bad one now and then, and checks how each ends.
#![no_std]
#![no_main]

extern crate alloc;

mod bell;
mod client;
mod plan;

use sel4_microkit::{Handler, protection_domain};

#[protection_domain(stack_size = 0x8_0000, heap_size = 0x1_0000)]
fn init() -> impl Handler {
    client::TestClient::new(molt_test_native::brief::get())
}
