// SPDX-License-Identifier: BSD-2-Clause
//! A controller's firmware image, as it is in a bundle, on the line and in a bank of the controller's flash.
//!
//! ```text
//! | header: 64 bytes, signed | signature: 64 bytes | payload: what is copied to memory and entered |
//! ```
//!
//! The header names the payload by its SHA-256, so the signature over the header covers all ([`header`]). An image is known by
//! its [`Digest`], the SHA-256 of the header: two images with the same digest are the same firmware.
//!
//! A host that has the whole image uses [`parse`]. A controller that reads a bank piece by piece uses [`Header::parse`] and
//! [`Check`].
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod check;
pub mod header;
mod image;
mod make;
mod refusal;

pub use check::{Check, PublicKey, Whole};
pub use header::{Digest, Header, PREFIX, SIGNED};
pub use image::{Image, parse};
pub use make::{Content, prefix};
pub use refusal::Refusal;
