// SPDX-License-Identifier: BSD-2-Clause
//! The embedded kernel's core: capabilities, derivation, untyped, IPC, scheduling.
#![no_std]
#![forbid(unsafe_code)]
