// SPDX-License-Identifier: BSD-2-Clause
//! Code that the guests' programs share: the pattern of a block, what a sensor's value may be, and the use of the doorbell.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod pattern;
pub mod readings;
mod ring;

pub use readings::Readings;
pub use ring::{Conduct, Doorbell, Ring};
