// SPDX-License-Identifier: BSD-2-Clause
//! The controller's registers (H 2.1), as the 32-bit words that contain them, and their bits.

pub const BLOCK: usize = 0x04;
pub const ARGUMENT: usize = 0x08;
/// Transfer mode and command: writing the upper half issues the command.
pub const COMMAND: usize = 0x0c;
pub const RESPONSE: usize = 0x10;
pub const PRESENT: usize = 0x24;
/// Host control 1 and power control.
pub const HOST_CONTROL: usize = 0x28;
/// Clock control, time-out control, software reset.
pub const CLOCK: usize = 0x2c;
/// Normal interrupt status in the lower half, error interrupt status in the upper.
pub const STATUS: usize = 0x30;
pub const STATUS_ENABLE: usize = 0x34;
pub const SIGNAL_ENABLE: usize = 0x38;
pub const CAPABILITIES: usize = 0x40;
pub const ADMA_ADDRESS: usize = 0x58;
/// Slot interrupt status and host controller version.
pub const VERSION: usize = 0xfc;

/// Block size in bytes (H 2.2.2); the block count stands in the upper half.
pub const BLOCK_SIZE: u32 = 512;

/// Present state (H 2.2.9).
pub mod present {
    pub const INHIBIT: u32 = 0b11;
    pub const CARD: u32 = 1 << 16;
    /// The write protect switch lets writes pass.
    pub const WRITABLE: u32 = 1 << 19;
}

/// Transfer mode (H 2.2.5).
pub mod mode {
    pub const DMA: u32 = 1;
    pub const COUNT: u32 = 1 << 1;
    pub const AUTO_CMD12: u32 = 1 << 2;
    pub const READ: u32 = 1 << 4;
    pub const MULTIPLE: u32 = 1 << 5;
}

/// Command (H 2.2.6), shifted to its half of the word.
pub mod command {
    pub const LONG: u32 = 0b01 << 16;
    pub const SHORT: u32 = 0b10 << 16;
    pub const SHORT_BUSY: u32 = 0b11 << 16;
    pub const CHECK_CRC: u32 = 1 << 19;
    pub const CHECK_INDEX: u32 = 1 << 20;
    pub const DATA: u32 = 1 << 21;
    pub const ABORT: u32 = 0b11 << 22;
    pub const INDEX_SHIFT: u32 = 24;
}

/// Host control 1 and power control (H 2.2.10, 2.2.11).
pub mod control {
    pub const WIDE: u32 = 1 << 1;
    pub const ADMA2_32: u32 = 0b10 << 3;
    pub const ADMA2_64: u32 = 0b11 << 3;
    pub const POWER: u32 = 1 << 8;
    pub const VOLT_3_3: u32 = 0b111 << 9;
    pub const VOLT_3_0: u32 = 0b110 << 9;
    pub const VOLT_1_8: u32 = 0b101 << 9;
}

/// Clock control, time-out control, software reset (H 2.2.14 to 2.2.16).
pub mod clock {
    pub const INTERNAL: u32 = 1;
    pub const STABLE: u32 = 1 << 1;
    pub const CARD: u32 = 1 << 2;
    /// The longest time-out of data: 2^27 cycles of the time-out clock.
    pub const TIMEOUT: u32 = 0xe << 16;
    pub const RESET_ALL: u32 = 1 << 24;
    pub const RESET_LINES: u32 = 0b11 << 25;
}

/// Interrupts (H 2.2.17, 2.2.18).
pub mod interrupt {
    pub const COMMAND: u32 = 1;
    pub const TRANSFER: u32 = 1 << 1;
    pub const REMOVED: u32 = 1 << 7;
    pub const ERRORS: u32 = 0x03ff_0000;
    pub const DATA_TIMEOUT: u32 = 1 << 20;
    pub const USED: u32 = COMMAND | TRANSFER | REMOVED | ERRORS;
}

/// Capabilities (H 2.2.26), the lower word.
pub mod capability {
    pub const ADMA2: u32 = 1 << 19;
    pub const VOLT_3_3: u32 = 1 << 24;
    pub const VOLT_3_0: u32 = 1 << 25;
    pub const VOLT_1_8: u32 = 1 << 26;
    pub const ADDRESS_64: u32 = 1 << 28;
}
