// SPDX-License-Identifier: BSD-2-Clause
//! The packed system: tables that the host tool writes and monitor, update and stage read.
#![no_std]
#![forbid(unsafe_code)]
