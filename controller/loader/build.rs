// SPDX-License-Identifier: BSD-2-Clause
//! Where the loader lies in memory, and the key that it accepts.

use molt_controller_link_script::{Place, key, link};

fn main() {
    link(&Place {
        code: 0,
        code_size: 0x2_0000,
        data: 0x2_0000,
        data_size: 0x1_0000,
    });
    key();
}
