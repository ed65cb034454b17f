// SPDX-License-Identifier: BSD-2-Clause
//! Where the application lies in memory, and the key that it accepts.

use molt_controller_link_script::{Place, key, link};

fn main() {
    // APPLICATION and APPLICATION_END of molt-controller-banks.
    link(&Place {
        code: 0x3_0000,
        code_size: 0x5_0000,
        data: 0x8_0000,
        data_size: 0x4_0000,
    });
    key();
}
