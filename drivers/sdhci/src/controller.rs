// SPDX-License-Identifier: BSD-2-Clause
//! The controller: reset, power, clock, and one command at a time.

use molt_block_queue::Op;
use molt_shared::Mmio;

use crate::Pause;
use crate::card::{Command, Response, Width};
use crate::error::Error;
use crate::registers::*;

/// The card's clock while it is identified, at most (P 4.2.1), and afterwards (P 4.3.10.4: default speed), in kHz.
const IDENTIFICATION: u32 = 400;
const DEFAULT_SPEED: u32 = 25_000;

/// How often a reset or a clock is polled, every 10 us (H 3.2.1: 150 ms).
const WAITS: u32 = 15_000;
const WAIT: u32 = 10;
/// Power to first command: power ramp up and 74 clocks (P 6.4.1), in us.
const POWER_UP: u32 = 2_000;
/// How often a reset of the lines is polled. It takes only a few clocks, so there is no pause between the reads.
const READS: usize = 10_000;

/// The data of a command.
#[derive(Clone, Copy, Debug)]
pub struct Data {
    pub op: Op,
    pub sectors: u32,
    pub table: u64,
}

/// A controller with power on.
#[derive(Debug)]
pub struct Controller<R> {
    registers: R,
    pause: Pause,
    /// In kHz.
    base_clock: u32,
    version: u8,
    /// It reaches 64-bit addresses.
    pub wide: bool,
    host_control: u32,
}

impl<R: Mmio> Controller<R> {
    /// From reset to a card with power and a slow clock.
    pub fn start(registers: R, pause: Pause) -> Result<Self, Error> {
        let version = (registers.read(VERSION) >> 16) as u8;
        // 2.00 and 3.00. Earlier versions have no ADMA2, later ones other registers.
        if !matches!(version, 1 | 2) {
            return Err(Error::Version(version));
        }
        let can = registers.read(CAPABILITIES);
        if can & capability::ADMA2 == 0 {
            return Err(Error::NoAdma);
        }
        let voltage = match can {
            can if can & capability::VOLT_3_3 != 0 => control::VOLT_3_3,
            can if can & capability::VOLT_3_0 != 0 => control::VOLT_3_0,
            can if can & capability::VOLT_1_8 != 0 => control::VOLT_1_8,
            _ => return Err(Error::Capabilities),
        };
        // MHz; 6 bits before version 3.00.
        let base = can >> 8 & if version == 1 { 0x3f } else { 0xff };
        if base == 0 {
            return Err(Error::Capabilities);
        }
        let wide = can & capability::ADDRESS_64 != 0;
        let adma = if wide {
            control::ADMA2_64
        } else {
            control::ADMA2_32
        };
        let this = Self {
            registers,
            pause,
            base_clock: base * 1000,
            version,
            wide,
            host_control: adma | voltage | control::POWER,
        };
        this.stop()?;
        if this.registers.read(PRESENT) & present::CARD == 0 {
            return Err(Error::NoCard);
        }
        this.registers.write(HOST_CONTROL, this.host_control);
        this.clock(IDENTIFICATION)?;
        (this.pause)(POWER_UP);
        this.registers.write(STATUS, u32::MAX);
        this.registers.write(STATUS_ENABLE, interrupt::USED);
        this.registers.write(SIGNAL_ENABLE, interrupt::USED);
        Ok(this)
    }

    /// Software reset for all (H 2.2.16): the controller forgets its command, and from the moment on that the bit
    /// reads as 0 it reaches no memory.
    pub fn stop(&self) -> Result<(), Error> {
        self.registers.write(CLOCK, clock::RESET_ALL);
        self.until(|this| this.registers.read(CLOCK) & clock::RESET_ALL == 0)
            .ok_or(Error::Reset)
    }

    /// Sets the full clock and the bus width, once the card is identified.
    pub fn full_speed(&mut self, width: Width) -> Result<(), Error> {
        if width == Width::Four {
            self.host_control |= control::WIDE;
        }
        self.registers.write(HOST_CONTROL, self.host_control);
        self.clock(DEFAULT_SPEED)
    }

    /// Does the write protect switch let writes pass?
    pub fn writable(&self) -> bool {
        self.registers.read(PRESENT) & present::WRITABLE != 0
    }

    /// Issues a command, with data or without. Nothing else may be under way.
    pub fn issue(&self, command: Command, data: Option<Data>) {
        let mut word = u32::from(command.index) << command::INDEX_SHIFT;
        word |= match command.response {
            Response::None => 0,
            Response::Long => command::LONG | command::CHECK_CRC,
            Response::Unchecked => command::SHORT,
            Response::Short => command::SHORT | command::CHECK_CRC | command::CHECK_INDEX,
            Response::Busy => command::SHORT_BUSY | command::CHECK_CRC | command::CHECK_INDEX,
        };
        if command == Command::STOP {
            word |= command::ABORT;
        }
        if let Some(data) = data {
            word |= command::DATA | mode::DMA | mode::COUNT;
            if data.op == Op::Read {
                word |= mode::READ;
            }
            if data.sectors > 1 {
                word |= mode::MULTIPLE | mode::AUTO_CMD12;
            }
            self.registers.write(ADMA_ADDRESS, data.table as u32);
            if self.wide {
                self.registers
                    .write(ADMA_ADDRESS + 4, (data.table >> 32) as u32);
            }
            self.registers.write(BLOCK, data.sectors << 16 | BLOCK_SIZE);
        }
        self.registers.write(ARGUMENT, command.argument);
        self.registers.write(COMMAND, word);
    }

    /// Reads and acknowledges the interrupt status.
    pub fn interrupts(&self) -> u32 {
        let status = self.registers.read(STATUS);
        if status != 0 {
            self.registers.write(STATUS, status);
        }
        status
    }

    /// A response of 48 bits: what stands between index and checksum.
    pub fn short(&self) -> u32 {
        self.registers.read(RESPONSE)
    }

    /// A response of 136 bits. The register has it without its last 8 (H 2.2.7).
    pub fn long(&self) -> u128 {
        (0..4).fold(0, |all, n| {
            all | u128::from(self.registers.read(RESPONSE + 4 * n)) << (32 * n)
        }) << 8
    }

    /// Resets the circuits of the command and data lines after an error (H 3.10.1), which ends a transfer.
    pub fn reset_lines(&self) -> Result<(), Error> {
        let now = self.registers.read(CLOCK);
        self.registers.write(CLOCK, now | clock::RESET_LINES);
        let done = (0..READS).any(|_| self.registers.read(CLOCK) & clock::RESET_LINES == 0);
        // What was signalled meanwhile belongs to the command that is no more.
        self.registers.write(
            STATUS,
            interrupt::COMMAND | interrupt::TRANSFER | interrupt::ERRORS,
        );
        match done && self.registers.read(PRESENT) & present::INHIBIT == 0 {
            true => Ok(()),
            false => Err(Error::Reset),
        }
    }

    /// Sets the card's clock to at most `khz` (H 3.2.1, 3.2.3).
    fn clock(&self, khz: u32) -> Result<(), Error> {
        let divisor = divisor(self.version, self.base_clock, khz);
        // The divisor may change only while the card's clock is off.
        self.registers.write(CLOCK, 0);
        let word = divisor | clock::INTERNAL | clock::TIMEOUT;
        self.registers.write(CLOCK, word);
        self.until(|this| this.registers.read(CLOCK) & clock::STABLE != 0)
            .ok_or(Error::Clock)?;
        self.registers.write(CLOCK, word | clock::CARD);
        Ok(())
    }

    fn until(&self, condition: impl Fn(&Self) -> bool) -> Option<()> {
        for _ in 0..WAITS {
            if condition(self) {
                return Some(());
            }
            (self.pause)(WAIT);
        }
        None
    }
}

/// The divisor's bits in the clock register for at most `khz` (H 2.2.14): half the divisor, in version 2.00 a power of two.
pub fn divisor(version: u8, base: u32, khz: u32) -> u32 {
    let mut half = if base <= khz {
        0
    } else {
        base.div_ceil(2 * khz)
    };
    if version == 1 {
        half = half
            .checked_next_power_of_two()
            .map_or(0x80, |half| half.min(0x80))
            * u32::from(half > 0);
    }
    let half = half.min(0x3ff);
    (half & 0xff) << 8 | (half >> 8) << 6
}
