// SPDX-License-Identifier: BSD-2-Clause
//! A replaceable driver without a disk: a revocable region is its disk, and it copies the data by itself. If the system gives
//! it an alarm clock, it completes requests at that device's interrupts.
//!
//! The data of a request lies in the upper half of the client's queue region, from [`brief::DATA`] on.
#![no_std]
#![no_main]

mod alarm;
mod brief;
mod disk;
mod fault;
mod generation;

use generation::Generation;
use sel4_microkit::{Handler, protection_domain};

#[protection_domain(stack_size = 0x1_0000)]
fn init() -> impl Handler {
    fault::at_start();
    Generation::start(molt_brief::get())
}
