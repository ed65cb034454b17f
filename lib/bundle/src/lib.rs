// SPDX-License-Identifier: BSD-2-Clause
//! The bundle that carries a driver, and what is checked before any of it runs.
#![no_std]
#![forbid(unsafe_code)]
