// SPDX-License-Identifier: BSD-2-Clause
//! The core on a fake machine.

mod boot;
mod capabilities;
mod fake;
mod ipc;
mod long;
mod machine;
mod refills;
mod storm;
mod time;
mod tlb;
