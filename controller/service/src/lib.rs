// SPDX-License-Identifier: BSD-2-Clause
//! What a controller does with the requests on its line, whatever machine it is.
//!
//! Nothing here takes long, so that sensors are read during a transfer: data are written as they come, a page at a time, with
//! the erase of one sector at most, and an image is examined in steps. The one exception is the check of a signature.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod other;
mod service;

pub use service::{Sensors, Service};
