// SPDX-License-Identifier: BSD-2-Clause
//! What differs between the architectures. What programs for both use has one name in either module.
//!
//! On the host the crate is AArch64's, as `sel4` is.

#[cfg(not(all(target_arch = "x86_64", target_os = "none")))]
mod aarch64;
#[cfg(not(all(target_arch = "x86_64", target_os = "none")))]
pub use aarch64::*;

#[cfg(all(target_arch = "x86_64", target_os = "none"))]
mod x86_64;
#[cfg(all(target_arch = "x86_64", target_os = "none"))]
pub use x86_64::*;
