// SPDX-License-Identifier: BSD-2-Clause
//! A native client of a controller's replaceable driver: what a VMM and its guest do, without a virtual machine.
//!
//! It keeps one read of each sensor in flight, and of one that there is not, and checks that each is answered once and with a
//! value that a firmware can give. It prints the same lines as a guest.
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
