// SPDX-License-Identifier: BSD-2-Clause
//! What tells one image of this driver from another.

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

/// Makes the image large, for measuring what depends on its size.
#[cfg(feature = "pad")]
static PADDING: [u8; 4 << 20] = [0xa5; 4 << 20];

/// Keeps the padding in the image.
pub fn keep_padding() {
    #[cfg(feature = "pad")]
    core::hint::black_box(&PADDING);
}
