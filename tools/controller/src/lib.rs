// SPDX-License-Identifier: BSD-2-Clause
//! The host's side of controllers: firmware images from programs, the flash of a new controller, and a client of the line.
#![forbid(unsafe_code)]

mod client;
mod flash;
mod image;

pub use client::{Client, ClientError, Step};
pub use flash::factory;
pub use image::{ProgramError, Release, image};
