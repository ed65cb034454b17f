// SPDX-License-Identifier: BSD-2-Clause
//! What the guests' programs share: the pattern of a block, and ringing the doorbell.
#![no_std]
#![forbid(unsafe_code)]

pub mod pattern;
mod ring;

pub use ring::{Conduct, Doorbell, Ring};
