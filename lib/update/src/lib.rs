// SPDX-License-Identifier: BSD-2-Clause
//! The update machine of one component: events in, actions out; knows no kernel.
//!
//! [`Machine::step`] takes an [`Event`] and the time, and returns the [`Action`]s to carry out, in their order. Between
//! events the machine wants to be called at [`Machine::deadline`] with [`Event::Tick`]. It never asks twice and never
//! waits for anything without a deadline, but for its caller's own work ([`Action::ClearArena`]).
//!
//! ```text
//!            offer     confirm      verified       built         quiet, gates shut     stopped
//! Idle ──► Offered ──► Verifying ──► Waiting ──► Building ──► Closing ──► Stopping ──► (deny, grant)
//!  ▲         │            │             │            │                                     │
//!  ├─────────┴────────────┴─ refused ───┴────────────┘                                  Starting
//!  ├───────────────────────────────────────────────────────────── committed ◄─ Probation ◄─┘ ready
//!  └── ready ◄─ Starting ◄─ Building ◄─ Waiting ◄─ Stopping ◄─ Closing ◄── anything fails ──┘
//!                                  (the committed image; too often, or no stop: OutOfService)
//! ```
//!
//! The same road from *Closing* on brings the committed image back when the running generation fails outside a
//! transaction, and *Waiting* is where the first generation begins.
//!
//! `tests/explore.rs` walks every state that a bounded world can bring the machine into.
#![no_std]
#![forbid(unsafe_code)]

mod action;
mod config;
mod event;
mod failed;
mod machine;
mod offer;
mod phase;
mod recover;
mod supervise;
mod swap;

pub use action::{Action, Actions};
pub use config::Config;
pub use event::Event;
pub use machine::{Image, Machine};
pub use phase::Phase;

pub use molt_doorbell::{Reason, Status};

/// A point in time or a span, in us. The machine only compares and adds.
pub type Micros = u64;
/// Number of a generation; never used twice.
pub type Generation = u64;
/// SHA-256 of an image, as little endian words.
pub type Digest = [u64; 4];
/// Index of a client in the plan.
pub type Client = u8;
