// SPDX-License-Identifier: BSD-2-Clause
//! Orders from `update` to a generation, the generation's report, and `update`'s commands to `stage`.
//!
//! Two pages for each replaceable PD, as 64-bit words, outside its arenas: `orders`, written by `update` and read only in
//! the driver, and `report`, written by the driver. Every word that a reader acts on carries the generation's number, so
//! that nothing an earlier generation left behind can be taken for the present one's. After each change that the other
//! side waits for, the writer signals it.
//!
//! A driver's life: read [`Orders`] at start (generation, cold or warm); drive the device to where it can serve;
//! [`Report::ready`] and signal `update`; on each wake-up look at [`Orders::order`]: on [`Order::Quiesce`] stop taking
//! requests, settle or record what is in flight, [`Report::quiesced`], signal; when [`Orders::beat`] changed,
//! [`Report::beat`] and signal. Count completions as they happen; no signal is needed for them, but one is for the first
//! submission and the first completion to the device (`update` measures the blackout by them).
#![no_std]
#![forbid(unsafe_code)]

mod orders;
mod report;
pub mod stage;

pub use orders::{Order, Orders, OrdersWriter, Start};
pub use report::{CAPSULE, Report, ReportView, State};
