// SPDX-License-Identifier: BSD-2-Clause
//! The part of the sel4-microkit crate's API that Molt uses.
#![no_std]
