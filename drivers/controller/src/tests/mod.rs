// SPDX-License-Identifier: BSD-2-Clause
//! The driver before a controller, which may misbehave.

mod fake;
mod firmware;
mod pairs;
mod reads;
mod rig;
mod steps;
mod system;
mod updates;
