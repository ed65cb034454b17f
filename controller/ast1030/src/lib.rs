// SPDX-License-Identifier: BSD-2-Clause
//! The AST1030's parts that the controller uses. Of the controller's crates this is the one with `unsafe`: for registers, for
//! the entry of a program, and for the copy of the next one to its memory.
//!
//! No interrupt is ever taken: interrupts are masked, and one that is pending only ends the processor's sleep ([`sleep`]).
//! So nothing here is entered twice.
#![no_std]

mod clock;
mod console;
mod entry;
mod flash;
mod machine;
mod registers;
mod serve;
mod uart;
mod watchdog;

pub use clock::Clock;
pub use console::Console;
pub use flash::SpiFlash;
pub use machine::{Machine, reset, sleep, wake};
pub use serve::{Parts, serve};
pub use uart::Uart;
pub use watchdog::Watchdog;

#[doc(hidden)]
pub use machine::main;
