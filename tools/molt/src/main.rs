// SPDX-License-Identifier: BSD-2-Clause
//! The host tool.
#![forbid(unsafe_code)]

fn main() {}
