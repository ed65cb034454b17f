// SPDX-License-Identifier: BSD-2-Clause
//! The guest's own part of an update of one of its devices' drivers: the payload `#guest` of a bundle.
//!
//! ```text
//! part      = [ "molt-guest-part", [ 1*16 step ] ]
//! step      = file / parameter / command
//! file      = [ 1, path: tstr, mode: uint, contents: bstr ]
//! parameter = [ 2, module: tstr, name: tstr, value: tstr ]
//! command   = [ 3, name: tstr ]
//! ```
//!
//! The steps are carried out in their order by whoever updates the driver from inside the guest, and only if the guest's owner
//! allows each of them ([`Policy`]). The protection domains check the part's digest and never read it.
#![no_std]
#![forbid(unsafe_code)]

mod decode;
mod encode;
mod policy;
mod step;

/// Key of the payload in a bundle.
pub const PAYLOAD: &str = "#guest";

pub use decode::{Malformed, Part};
pub use encode::encode;
pub use policy::{Policy, Refused};
pub use step::{MAX_MODE, MAX_NAME, MAX_PATH, MAX_STEPS, MAX_VALUE, Step, Wrong};
