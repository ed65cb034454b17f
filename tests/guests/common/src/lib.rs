// SPDX-License-Identifier: BSD-2-Clause
//! Code that the guests' programs share: the pattern of a block, and the use of the doorbell.
#![no_std]
#![forbid(unsafe_code)]

pub mod pattern;
mod ring;

pub use ring::{Conduct, Doorbell, Ring};
