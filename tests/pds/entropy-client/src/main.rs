// SPDX-License-Identifier: BSD-2-Clause
//! A native client of a replaceable entropy driver: what a VMM and its guest do, without a virtual machine.
//!
//! It keeps eight requests in flight, and checks that each is answered once, that as many bytes as the answer says were
//! written and none behind the buffer, and that no two answers are the same. It prints the same lines as a guest.
#![no_std]
#![no_main]

extern crate alloc;

mod load;

use load::Load;
use molt_test_native::{NativeClient, brief};
use sel4_microkit::{Handler, protection_domain};

#[protection_domain(stack_size = 0x2_0000, heap_size = 0x1_0000)]
fn init() -> impl Handler {
    NativeClient::<Load>::new(brief::get())
}
