// SPDX-License-Identifier: BSD-2-Clause
//! What the privileged PD `update` decides and does. It denies, revokes, grants and supervises.
//!
//! [`Supervisor`] carries out what the update machines (`molt-update`) want, one for each component, and tells them what
//! happens. It knows the kernel only through the trait [`Kernel`], so that the same code runs in a protection domain and on
//! the host, in a simulation.
//!
//! All of it is short steps: whatever wakes it, it looks at everything that may have changed ([`Supervisor::turn`]), and
//! long work is done a slice at a time ([`work`]).
//!
//! What is kept of one component is a [`unit::Unit`]. Its parts keep one invariant each:
//!
//! | part | invariant |
//! |---|---|
//! | [`offer::Offer`] | what the answers to the offering client say |
//! | [`build::Build`] | where the untypeds of each arena are, and what `stage` builds from them |
//! | [`holder::Holder`] | every capability through which the component's memory or device can be reached is in here |
//! | [`watch::Watch`] | which signs of life are outstanding |
//! | [`stop::Stop`] | whether the device has been told to stop and was not seen to be at rest yet |
#![no_std]
#![forbid(unsafe_code)]

mod account;
pub mod books;
pub mod build;
mod carry_out;
mod client;
mod console;

#[cfg(feature = "probe-dma")]
mod dma;
mod driver;
mod fault;
mod fence;
pub mod holder;
mod kernel;
mod measure;
pub mod offer;
#[cfg(feature = "probe-old")]
mod old;
mod ports;
mod requests;
mod stage;
mod standing;
pub mod stop;
mod supervisor;
mod swap;
mod time;
mod trace;
pub mod unit;
pub mod watch;
pub mod work;

pub use fault::{Access, Fault};
pub use kernel::{Error, Kernel, Result, Rights, Slot, Space, Thread};
#[cfg(feature = "probe-old")]
pub use ports::FAULT_BADGE;
pub use standing::Standing;
pub use supervisor::Supervisor;
