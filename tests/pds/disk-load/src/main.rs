// SPDX-License-Identifier: BSD-2-Clause
//! The load of `molt bench` as a native client of a replaceable disk driver: what the load in a Linux guest does
//! (`tests/guests/linux-load`), without a virtual machine. It measures the rows that it is asked for and prints their results.
//!
//! What it is asked for is text in memory that the description gives it (symbols `arguments`, `arguments_size`): `requests=N`
//! for each row, `rows=NAME,…`, `seed=N` for the random offsets. A client without such memory does nothing.
//! docs/performance.md describes the lines.
#![no_std]
#![no_main]

extern crate alloc;

mod load;
mod row;

use load::Load;
use molt_test_native::{NativeClient, brief};
use sel4_microkit::{Handler, protection_domain};

#[protection_domain(stack_size = 0x2_0000, heap_size = 0x6_0000)]
fn init() -> impl Handler {
    NativeClient::<Load>::new(brief::get())
}
