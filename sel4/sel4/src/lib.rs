// SPDX-License-Identifier: BSD-2-Clause
//! The part of the sel4 crate's API that Molt uses, on a stable compiler.
#![no_std]
