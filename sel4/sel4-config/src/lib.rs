// SPDX-License-Identifier: BSD-2-Clause
//! The kernel's configuration as constants.
#![no_std]
#![forbid(unsafe_code)]
