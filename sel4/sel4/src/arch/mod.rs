// SPDX-License-Identifier: BSD-2-Clause
//! What differs between the architectures. Each has the same modules, with upstream's names in them.
//!
//! On the host, where nothing but encodings is tested, the crate is AArch64's.

#[cfg(not(all(target_arch = "x86_64", target_os = "none")))]
mod aarch64;
#[cfg(not(all(target_arch = "x86_64", target_os = "none")))]
pub(crate) use aarch64::*;

#[cfg(all(target_arch = "x86_64", target_os = "none"))]
mod x86_64;
#[cfg(all(target_arch = "x86_64", target_os = "none"))]
pub(crate) use x86_64::*;
