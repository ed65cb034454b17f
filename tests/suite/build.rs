// SPDX-License-Identifier: BSD-2-Clause
//! Links the suite as a root task.

fn main() {
    sel4_build::root_task();
}
