// SPDX-License-Identifier: BSD-2-Clause
//! The gate between update and a VMM: deny, acknowledge, resume.
#![no_std]
#![forbid(unsafe_code)]
