// SPDX-License-Identifier: BSD-2-Clause
//! The core on a fake machine.

mod fake;
mod ipc;
mod machine;
