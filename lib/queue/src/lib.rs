// SPDX-License-Identifier: BSD-2-Clause
//! The request queue between a VMM and a driver; it outlives both generations.
#![no_std]
#![forbid(unsafe_code)]
