// SPDX-License-Identifier: BSD-2-Clause
//! Links the program as a PD.

fn main() {
    sel4_build::protection_domain();
}
