// SPDX-License-Identifier: BSD-2-Clause
//! The query (C 4.3): what the chips say about themselves.

use molt_shared::Mmio;

use crate::Error;

/// Bytes of a bus word.
pub(crate) const WORD: usize = 4;
/// Bus word at which the query command is written (C 4.2).
pub(crate) const QUERY_AT: usize = 0x55;
/// Query.
pub(crate) const QUERY: u32 = 0x98;

/// Words of the query (C 4.3.2 to 4.3.4).
mod word {
    pub const Q: usize = 0x10;
    pub const COMMAND_SET: usize = 0x13;
    /// Typical times, 2^n: a word and a buffer in us, a block in ms.
    pub const TYPICAL_PROGRAM: usize = 0x1f;
    pub const TYPICAL_BUFFER: usize = 0x20;
    pub const TYPICAL_ERASE: usize = 0x21;
    /// The longest are 2^n times the typical ones.
    pub const MOST_PROGRAM: usize = 0x23;
    pub const MOST_BUFFER: usize = 0x24;
    pub const MOST_ERASE: usize = 0x25;
    pub const SIZE: usize = 0x27;
    pub const BUFFER: usize = 0x2a;
    pub const REGIONS: usize = 0x2c;
    pub const BLOCKS: usize = 0x2d;
    pub const BLOCK_SIZE: usize = 0x2f;
}

/// How many chips are beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lanes {
    /// One chip of 32 bits.
    One,
    /// Two of 16.
    Two,
    /// Four of 8.
    Four,
}

impl Lanes {
    /// How many.
    #[must_use]
    pub const fn count(self) -> u32 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Four => 4,
        }
    }

    /// The bus word with this value for each chip.
    #[must_use]
    pub const fn each(self, value: u32) -> u32 {
        match self {
            Self::One => value,
            Self::Two => (value & 0xffff) * 0x0001_0001,
            Self::Four => (value & 0xff) * 0x0101_0101,
        }
    }
}

/// What the chips say, for the whole bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// Chips beside each other.
    pub lanes: Lanes,
    /// Bytes of a block.
    pub block_size: u32,
    /// How many blocks.
    pub blocks: u32,
    /// Bytes of the write buffer; at most [`WORD`] if there is none.
    pub buffer: u32,
    /// The longest times of a program of a word, of a buffer, and of an erase, in us.
    pub program_us: u64,
    /// Of a buffer.
    pub buffer_us: u64,
    /// Of an erase.
    pub erase_us: u64,
}

impl Query {
    /// Asks the chips, which are left answering with the query. The window has `window` bytes.
    pub(crate) fn ask(registers: &impl Mmio, window: u64) -> Result<Self, Error> {
        // No chip is harmed by a command that is repeated in its other lanes.
        registers.write(QUERY_AT * WORD, Lanes::Four.each(QUERY));
        let q = registers.read(word::Q * WORD);
        let all = [Lanes::Two, Lanes::Four, Lanes::One];
        let is = |lanes: &Lanes| q == lanes.each(b'Q'.into());
        let lanes = all.into_iter().find(is).ok_or(Error::NoChip(q))?;
        let ask = |index: usize| {
            let answer = registers.read(index * WORD);
            let value = answer & 0xff;
            let same = lanes.each(value) == answer;
            same.then_some(value).ok_or(Error::ChipsDiffer(index))
        };
        let pair = |index: usize| Ok(ask(index)? | ask(index + 1)? << 8);
        if (ask(word::Q + 1)?, ask(word::Q + 2)?) != (b'R'.into(), b'Y'.into()) {
            return Err(Error::NoChip(q));
        }
        let set = pair(word::COMMAND_SET)?;
        if !matches!(set, 1 | 3) {
            return Err(Error::CommandSet(set as u16));
        }
        let count = lanes.count();
        let blocks = pair(word::BLOCKS)? + 1;
        // In units of 256 bytes; 0 stands for 128 bytes (C 4.3.4).
        let block_size = (pair(word::BLOCK_SIZE)? * 256).max(128) * count;
        let size = power(ask(word::SIZE)?) * u64::from(count);
        let whole = u64::from(blocks) * u64::from(block_size) == size;
        if ask(word::REGIONS)? != 1 || !whole || !block_size.is_power_of_two() {
            return Err(Error::Blocks);
        }
        if size > window {
            return Err(Error::Window(size));
        }
        let longest = |typical, most| Ok(power(ask(typical)?).saturating_mul(power(ask(most)?)));
        let buffer = power(pair(word::BUFFER)?) * u64::from(count);
        let erase_ms = longest(word::TYPICAL_ERASE, word::MOST_ERASE)?;
        Ok(Self {
            lanes,
            block_size,
            blocks,
            buffer: buffer.min(block_size.into()) as u32,
            program_us: longest(word::TYPICAL_PROGRAM, word::MOST_PROGRAM)?,
            buffer_us: longest(word::TYPICAL_BUFFER, word::MOST_BUFFER)?,
            erase_us: erase_ms.saturating_mul(1000),
        })
    }
}

/// 2^n, for an n that a chip says.
fn power(n: u32) -> u64 {
    1 << n.min(40)
}
