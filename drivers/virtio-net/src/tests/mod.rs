// SPDX-License-Identifier: BSD-2-Clause
//! Tests with a fake device.

mod driver;
mod nic;
mod segments;
