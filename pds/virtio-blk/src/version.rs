// SPDX-License-Identifier: BSD-2-Clause
//! What distinguishes the images of this driver.

use molt_block_pd::Image;

/// This image.
pub const IMAGE: Image = if cfg!(feature = "v2") {
    Image {
        version: 2,
        batch: 64,
    }
} else {
    Image {
        version: 1,
        batch: 16,
    }
};

/// Bytes that make the image larger, for measuring what depends on its size.
const PADDING: usize = if cfg!(feature = "pad-4m") {
    4 << 20
} else if cfg!(feature = "pad-64k") {
    64 << 10
} else {
    0
};

/// Keeps the padding in the image.
pub fn keep_padding() {
    static BYTES: [u8; PADDING] = [0xa5; PADDING];
    core::hint::black_box(&BYTES);
}
