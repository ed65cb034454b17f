// SPDX-License-Identifier: BSD-2-Clause
//! Orders from update to a generation, and the generation's report.
#![no_std]
#![forbid(unsafe_code)]
