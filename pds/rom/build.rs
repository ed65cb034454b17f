// SPDX-License-Identifier: BSD-2-Clause
//! Links the program as a protection domain.

fn main() {
    sel4_build::protection_domain();
}
