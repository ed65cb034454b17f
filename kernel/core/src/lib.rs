// SPDX-License-Identifier: BSD-2-Clause
//! The embedded kernel's core: capabilities, derivation, untyped, IPC, scheduling.
//!
//! Plain safe Rust over [`hardware::Hardware`]; the interface to user land is that of seL4 16.0.0
//! (MCS, AArch64 hypervisor mode) as far as this repository uses it. Objects live in typed tables;
//! the physical memory of a kernel object is accounted and cleared exactly, but holds nothing
//! (save translation tables and ASID pools, which are in place).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod boot_input;
pub mod context;
pub mod event;
pub mod hardware;
