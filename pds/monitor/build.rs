// SPDX-License-Identifier: BSD-2-Clause
//! Links the program as a root task.

fn main() {
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none") {
        sel4_build::root_task();
    }
}
