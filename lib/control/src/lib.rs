// SPDX-License-Identifier: BSD-2-Clause
//! Orders from `update` to a generation, the generation's report, and `update`'s commands to `stage`.
//!
//! Two pages for each arena of a replaceable PD, as 64-bit words, not made from it: `orders`, written by `update` and read-only in
//! the driver, and `report`, written by the driver. The state in the report carries the generation's number, so that
//! what an earlier generation left behind cannot be taken for the present one's. After each change that the other side
//! waits for, the writer signals it.
//!
//! # What a driver does
//!
//! 1. At the start it reads [`Orders`] (its generation; cold or warm start), starts the device, calls [`Report::ready`]
//!    and signals `update`.
//! 2. At each wake-up it reads [`Orders::order`]. On [`Order::Quiesce`] it stops taking requests, finishes or records what
//!    is in flight, calls [`Report::quiesced`] and signals.
//! 3. When [`Orders::beat`] has changed, it calls [`Report::beat`] and signals.
//! 4. It counts submissions and completions as they happen. Only the first submission and the first completion are
//!    signalled: `update` measures the blackout by them.
//!
//! # Completions and errors
//!
//! An *error* is a request that failed at the device. A request that is refused for its client's fault (bounds, alignment,
//! a write to a read-only disk) is a completion without an error. On probation `update` allows one error, and in addition
//! twice the rate that the committed image last had; more errors end in a rollback (`error-rate`). Probation ends early
//! after the wanted number of *error-free* completions. At its deadline it is passed if some were error-free, or if none
//! were asked for and none failed.
#![no_std]
#![forbid(unsafe_code)]

mod call;
pub mod digest;
mod orders;
mod report;
pub mod stage;
pub mod store;

pub use orders::{Order, Orders, OrdersWriter, Start};
pub use report::{CAPSULE, Report, ReportView, State, Transfer};
