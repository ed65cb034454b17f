// SPDX-License-Identifier: BSD-2-Clause
//! A native client of a replaceable disk driver: what a VMM and its guest do, without a virtual machine.
//!
//! It keeps eight requests in flight, writes blocks that contain who wrote them and when, reads them back and
//! compares. It closes and opens its queue as the gate says. If the description gives it an archive of
//! bundles (symbols `bundles`, `bundles_size`) and a doorbell, it offers each bundle in turn. It prints the same
//! lines as a guest.
#![no_std]
#![no_main]

extern crate alloc;

mod client;

use sel4_microkit::{Handler, protection_domain};

#[protection_domain(stack_size = 0x6_0000, heap_size = 0x1_0000)]
fn init() -> impl Handler {
    client::DiskClient::new(molt_test_native::brief::get())
}
