// SPDX-License-Identifier: BSD-2-Clause
//! The update machine: events in, actions out; knows no kernel.
#![no_std]
#![forbid(unsafe_code)]
