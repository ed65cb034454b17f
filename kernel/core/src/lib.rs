// SPDX-License-Identifier: BSD-2-Clause
//! The embedded kernel's core: capabilities, derivation, untyped, IPC, scheduling.
//!
//! It is safe Rust over the trait [`hardware::Hardware`]. The interface to user programs is that of seL4 16.0.0
//! (MCS, AArch64 hypervisor mode), as far as this repository uses it. Objects are kept in typed tables. The
//! physical memory of a kernel object is accounted for and cleared as in seL4, but is not used
//! (except for translation tables and ASID pools, which are in that memory).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod asid;
mod boot;
pub mod boot_input;
mod cap;
mod cnode;
pub mod context;
mod cspace;
mod delete;
mod derivation;
mod descriptor;
mod endpoint;
mod error;
pub mod event;
mod fault;
pub mod hardware;
#[cfg(feature = "inspect")]
pub mod inspect;
mod invocation;
mod irq;
mod kernel;
mod notification;
mod objects;
mod pool;
mod queue;
mod refill;
mod reply;
mod schedule;
mod scheduling_context;
mod slots;
mod syscall;
mod tcb;
mod transfer;
mod untyped;
mod vcpu;
mod vspace;

pub use boot_input::{BootError, BootInput};
pub use context::{SPSR_USER, UserContext};
pub use event::{Event, Running};
pub use hardware::Hardware;
pub use kernel::Kernel;

#[cfg(test)]
extern crate std;

#[cfg(test)]
mod tests;
