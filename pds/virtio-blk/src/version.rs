// SPDX-License-Identifier: BSD-2-Clause
//! What tells one image of this driver from another.

/// Reported to `update`.
pub const VERSION: u64 = if cfg!(feature = "v2") { 2 } else { 1 };

/// How many requests are put into the ring before the device is told.
pub const BATCH: u32 = if cfg!(feature = "v2") { 64 } else { 16 };

/// Makes the image large, for measuring what depends on its size.
#[cfg(feature = "pad")]
static PADDING: [u8; 4 << 20] = [0xa5; 4 << 20];

/// Keeps the padding in the image.
pub fn keep_padding() {
    #[cfg(feature = "pad")]
    core::hint::black_box(&PADDING);
}
