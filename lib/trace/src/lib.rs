// SPDX-License-Identifier: BSD-2-Clause
//! Typed trace events and their one-line form on the console.
#![no_std]
#![forbid(unsafe_code)]
