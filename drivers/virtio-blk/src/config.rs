// SPDX-License-Identifier: BSD-2-Clause
//! The block device's configuration (5.2.4).

use crate::registers::Features;

/// The device's configuration. A field of a feature that was not negotiated has the
/// value that means "no limit" or "no".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// In sectors of 512 bytes.
    pub capacity: u64,
    /// Longest segment in bytes.
    pub size_max: u32,
    /// Most segments in a request.
    pub seg_max: u32,
    /// In bytes.
    pub block_size: u32,
    /// Longest discard in sectors; 0: none.
    pub max_discard_sectors: u32,
    /// Longest write-zeroes in sectors; 0: none.
    pub max_write_zeroes_sectors: u32,
}

impl Config {
    /// From the configuration's words by their offset.
    pub(crate) fn read(word: &dyn Fn(usize) -> u32, features: Features) -> Self {
        let with = |feature, offset, otherwise| match features.contains(feature) {
            true => word(offset),
            false => otherwise,
        };
        Self {
            capacity: u64::from(word(0x00)) | u64::from(word(0x04)) << 32,
            size_max: with(Features::SIZE_MAX, 0x08, u32::MAX),
            seg_max: with(Features::SEG_MAX, 0x0c, u32::MAX),
            block_size: with(Features::BLK_SIZE, 0x14, 512),
            max_discard_sectors: with(Features::DISCARD, 0x24, 0),
            max_write_zeroes_sectors: with(Features::WRITE_ZEROES, 0x30, 0),
        }
    }
}
