// SPDX-License-Identifier: BSD-2-Clause
//! The counter (CNTPCT) and the types of time.
#![no_std]
