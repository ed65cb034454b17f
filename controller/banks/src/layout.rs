// SPDX-License-Identifier: BSD-2-Clause
//! Where things are, in the flash of 1 MiB and in the controller's memory.

/// Bytes that are erased together.
pub const SECTOR: u32 = 4096;
/// Bytes that can be programmed together.
pub const PAGE: u32 = 256;
/// Bytes of the flash.
pub const FLASH: u32 = 1 << 20;
/// The two sectors of the log.
pub const LOG: [u32; 2] = [0, SECTOR];
/// The two banks.
pub const BANKS: [u32; 2] = [0x1_0000, 0x8_0000];
/// Bytes of a bank, and so of the largest image.
pub const BANK: u32 = 0x7_0000;
/// The address in memory for which an application is linked, and at which it has its vector table.
pub const APPLICATION: u32 = 0x3_0000;
/// The end of the memory that an application's payload may take; behind it are its variables and its stack.
pub const APPLICATION_END: u32 = 0x8_0000;

const _: () = assert!(BANKS[0] >= LOG[1] + SECTOR);
const _: () = assert!(BANKS[0] + BANK <= BANKS[1] && BANKS[1] + BANK <= FLASH);

/// Where a bank begins.
#[must_use]
pub fn bank(bank: u8) -> Option<u32> {
    BANKS.get(usize::from(bank)).copied()
}
