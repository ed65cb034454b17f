// SPDX-License-Identifier: BSD-2-Clause
//! The supervisor: everything that the privileged PD `update` decides and does.
//!
//! There is one state machine (`molt-update`) for each component. [`Supervisor`] turns what happens in the system into
//! events for the machines, and carries out their actions. It calls the kernel only through the trait [`Kernel`], so that
//! the same code runs in a protection domain and, in a simulation, on the host.
//!
//! It works in short steps. Whatever wakes it, it looks at everything that may have changed ([`Supervisor::turn`]). Long
//! work is done a slice at a time ([`work`]).
//!
//! The state of one component is a [`unit::Unit`]. Each of its parts keeps one invariant:
//!
//! | part | content |
//! |---|---|
//! | [`offer::Offer`] | the newest offer: what the answers to its client contain |
//! | [`build::Build`] | where the untypeds of each arena are, and the build that is under way |
//! | [`holder::Holder`] | every capability through which the component's memory or device can be accessed |
//! | [`watch::Watch`] | the heartbeat that is outstanding, and the counters of probation |
//! | [`transfer::Transfer`] | the firmware in each arena, and the transfer that is under way |
//! | [`stop::Stop`] | whether the device has been told to stop and was not seen to be at rest yet |
#![no_std]
#![forbid(unsafe_code)]

mod account;
pub mod books;
pub mod build;
mod carry_out;
mod client;
mod console;
pub mod control;
mod defer;

#[cfg(feature = "probe-denied")]
mod denied;
#[cfg(feature = "probe-dma")]
mod dma;
mod driver;
mod fault;
mod fence;
pub mod holder;
mod kernel;
mod limit;
mod measure;
pub mod offer;
#[cfg(feature = "probe-old")]
mod old;
mod operator;
mod orders;
mod pci;
mod ports;
#[cfg(any(feature = "probe-denied", feature = "probe-dma"))]
mod probe;
mod reading;
mod requests;
mod restore;
mod stage;
mod standing;
pub mod stop;
pub mod store;
mod supervisor;
mod swap;
#[cfg(test)]
mod tests;
mod time;
mod trace;
mod transaction;
pub mod transfer;
pub mod unit;
pub mod watch;
pub mod work;

pub use fault::{Access, Fault};
pub use kernel::{Attributes, Error, Kernel, Result, Rights, Slot, Space, Thread};
#[cfg(feature = "probe-old")]
pub use ports::FAULT_BADGE;
pub use standing::Standing;
pub use supervisor::Supervisor;
