// SPDX-License-Identifier: BSD-2-Clause
//! The state machine of one component's updates: it takes events and returns actions. It does not depend on a kernel.
//!
//! [`Machine::step`] takes an [`Event`] and the time, and returns the [`Action`]s to carry out, in their order. If no event
//! comes, the machine has to be called at [`Machine::deadline`] with [`Event::Tick`]. It never requests anything twice, and
//! it waits for nothing without a deadline, except for its caller's own work ([`Action::ClearArena`]).
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
//! If the running generation fails outside a transaction, the same path from *Closing* on brings the committed image back.
//! The first generation begins at *Waiting*. Between *Verifying* and *Waiting* an update may wait for the operator (*Approval*),
//! and between *Building* and *Closing* the holder may transfer firmware to the device (*Transferring*), and clients may defer the
//! update (*Deferred*, module `defer`).
//!
//! A list of keys is offered like a bundle. Where that leads to *Waiting*, a list goes to *Keeping* if there is a store, and is in
//! force then (module `keys`).
//!
//! The operator's events are in the module `operator`. They go through the same states: an operator cannot have anything run that
//! an update or a recovery could not.
//!
//! A bundle may have several components. Their machines go through the same states, and wait for each other before and after
//! *Deferred*, after *Stopping*, before *Starting* and after *Probation*. [`Transaction`] stands above them and tells when they go on.
//!
//! `tests/explore` visits every state that a bounded world can bring the machine into.
#![no_std]
#![forbid(unsafe_code)]

mod action;
mod config;
mod defer;
mod event;
mod failed;
mod keys;
mod machine;
mod offer;
mod operator;
mod phase;
mod recover;
mod supervise;
mod swap;
mod transaction;

pub use action::{Action, Actions};
pub use config::Config;
pub use defer::CLIENTS;
pub use event::Event;
pub use machine::{Image, Machine};
pub use phase::{Barrier, Phase};
pub use transaction::{Stand, Transaction};

pub use molt_doorbell::{Reason, Status};

/// A point in time or a span, in us. The machine only compares and adds.
pub type Micros = u64;
/// Number of a generation; never used twice.
pub type Generation = u64;
/// SHA-256 of an image, as little endian words.
pub type Digest = [u64; 4];
/// Index of a client in the plan.
pub type Client = u8;
