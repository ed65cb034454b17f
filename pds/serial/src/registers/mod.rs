// SPDX-License-Identifier: BSD-2-Clause
//! Where the UART's registers are.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "aarch64")]
pub use aarch64::{UartRegisters, registers};

#[cfg(target_arch = "x86_64")]
mod x86_64;
#[cfg(target_arch = "x86_64")]
pub use x86_64::{UartRegisters, registers};
