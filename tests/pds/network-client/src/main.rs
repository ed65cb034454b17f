// SPDX-License-Identifier: BSD-2-Clause
//! A native client of a replaceable network card's driver: what a VMM and its guest do, without a virtual machine.
//!
//! It pings the network's gateway and the other client, four echo requests in flight for each, answers the other's, and compares
//! every byte that comes back. An answer that is missing is an error, unless a generation has ended meanwhile: then the request
//! counts as lost. It prints the same lines as a guest.
#![no_std]
#![no_main]

extern crate alloc;

mod buffers;
mod frame;
mod load;

use load::Load;
use molt_test_native::{NativeClient, brief};
use sel4_microkit::{Handler, protection_domain};

#[protection_domain(stack_size = 0x2_0000, heap_size = 0x1_0000)]
fn init() -> impl Handler {
    NativeClient::<Load>::new(brief::get())
}
