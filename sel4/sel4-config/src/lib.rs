// SPDX-License-Identifier: BSD-2-Clause
//! The kernel's configuration as constants.
//!
//! The values are those of the Microkit SDK's board and configuration that the environment
//! variable `MOLT_SDK_CONFIG` names at build time, and otherwise those of the embedded kernel
//! (see `build.rs`). Labels and object sizes differ between debug and release, so a program must
//! be built for the configuration of the kernel it runs on.
#![no_std]
#![forbid(unsafe_code)]

/// The configuration, one constant for each key: `bool` or `&str`, as upstream has it.
#[allow(missing_docs)]
pub mod consts {
    include!(concat!(env!("OUT_DIR"), "/consts.rs"));
}

/// SHA-256 of the tables that this crate was built from (`sel4_config_tables::Tables::digest`).
pub const DIGEST: [u8; 32] = include!(concat!(env!("OUT_DIR"), "/digest.rs"));

/// Invocation labels (`invocations_all.json`).
#[allow(missing_docs, non_upper_case_globals)]
pub mod invocation_label {
    include!(concat!(env!("OUT_DIR"), "/labels.rs"));
}

/// log2 of the bytes of each kind of object (`object_sizes.json`).
#[allow(missing_docs, non_upper_case_globals)]
pub mod object_size {
    include!(concat!(env!("OUT_DIR"), "/sizes.rs"));
}

/// The value of a boolean key.
#[macro_export]
macro_rules! sel4_cfg_bool {
    ($key:ident) => {
        $crate::consts::$key
    };
}

/// The value of a string key.
#[macro_export]
macro_rules! sel4_cfg_str {
    ($key:ident) => {
        $crate::consts::$key
    };
}

/// The value of a string key that is a decimal number, as `usize`.
#[macro_export]
macro_rules! sel4_cfg_usize {
    ($key:ident) => {
        const { $crate::parse_decimal($crate::consts::$key) }
    };
}

// `sel4_cfg_if!`
include!(concat!(env!("OUT_DIR"), "/cfg_if.rs"));

/// The number that `text` is in decimal digits.
///
/// Used by [`sel4_cfg_usize!`]; anything but digits is an error at compile time.
#[doc(hidden)]
pub const fn parse_decimal(text: &str) -> usize {
    let digits = text.as_bytes();
    assert!(!digits.is_empty());
    let mut value = 0;
    let mut i = 0;
    while i < digits.len() {
        assert!(digits[i].is_ascii_digit());
        value = value * 10 + (digits[i] - b'0') as usize;
        i += 1;
    }
    value
}

// What Molt's crates are written for.
const _: () = assert!(consts::KERNEL_MCS, "Molt needs an MCS kernel");
sel4_cfg_if! {
    if #[sel4_cfg(ARCH_X86_64)] {
        #[cfg(all(target_os = "none", not(target_arch = "x86_64")))]
        compile_error!("MOLT_SDK_CONFIG is of an x86_64 kernel, the target is another");
    } else {
        #[cfg(all(target_os = "none", not(target_arch = "aarch64")))]
        compile_error!("MOLT_SDK_CONFIG is of an AArch64 kernel, the target is another");
        const _: () = assert!(consts::ARM_HYPERVISOR_SUPPORT, "Molt needs hypervisor mode");
    }
}
const _: () = assert!(parse_decimal(consts::WORD_SIZE) == 64);
