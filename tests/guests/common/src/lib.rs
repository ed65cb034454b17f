// SPDX-License-Identifier: BSD-2-Clause
//! Code that the guests' programs share: the pattern of a block, what a sensor's value may be, the content of a ROM, the use of the
//! doorbell, and the arguments and result lines of a load that measures.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod measured;
pub mod pattern;
pub mod readings;
mod ring;
pub mod rom;
mod wanted;

pub use measured::Measured;
pub use readings::Readings;
pub use ring::{Conduct, Doorbell, Part, Ring};
pub use wanted::Wanted;
