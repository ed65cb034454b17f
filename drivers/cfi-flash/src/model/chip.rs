// SPDX-License-Identifier: BSD-2-Clause
//! One chip of 16 bits: its array, and the states that its commands bring it into.

use super::{Random, Tear};

/// Words of the write buffer.
pub const BUFFER_WORDS: usize = 32;
/// How often the status reads as busy.
const BUSY: u32 = 3;

const READY: u16 = 1 << 7;
const ERASE_ERROR: u16 = 1 << 5;
const PROGRAM_ERROR: u16 = 1 << 4;
const LOCKED: u16 = 1 << 1;

/// Size of a chip.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Words of 16 bits in a block: a power of two of at least 128.
    pub block_words: usize,
    /// How many blocks: a power of two.
    pub blocks: usize,
    /// It has a write buffer.
    pub buffer: bool,
}

#[derive(Clone, Debug)]
enum Mode {
    Array,
    Status,
    Query,
    EraseSetup,
    LockSetup,
    ProgramSetup,
    BufferCount,
    BufferData { left: usize },
    BufferConfirm,
}

#[derive(Clone, Debug)]
enum Operation {
    Erase(usize),
    Program(Vec<(usize, u16)>),
}

#[derive(Clone, Debug)]
pub struct Chip {
    shape: Shape,
    pub array: Vec<u16>,
    mode: Mode,
    status: u16,
    buffer: Vec<(usize, u16)>,
    operation: Option<(Operation, u32)>,
    locked: Vec<bool>,
    query: Vec<u16>,
    pub fails: u16,
    pub hangs: bool,
    pub worn: Option<usize>,
}

impl Chip {
    pub fn new(shape: Shape) -> Self {
        let array = vec![0xffff; shape.block_words * shape.blocks];
        Self::of(shape, array, query(shape))
    }

    fn of(shape: Shape, array: Vec<u16>, query: Vec<u16>) -> Self {
        Self {
            array,
            mode: Mode::Array,
            status: READY,
            buffer: Vec::new(),
            operation: None,
            locked: vec![false; shape.blocks],
            query,
            fails: 0,
            hangs: false,
            worn: None,
            shape,
        }
    }

    pub fn restarted(&self) -> Self {
        Self::of(self.shape, self.array.clone(), self.query.clone())
    }

    pub fn lock(&mut self) {
        self.locked.fill(true);
    }

    pub fn answer(&mut self, word: usize, value: u16) {
        self.query[word] = value;
    }

    pub fn read(&mut self, at: usize) -> u16 {
        match self.mode {
            Mode::Array => self.array.get(at).copied().unwrap_or(0xffff),
            Mode::Query => self.query.get(at).copied().unwrap_or(0),
            _ => self.poll(),
        }
    }

    /// A read of the status. An operation is done after some of them.
    fn poll(&mut self) -> u16 {
        if let Some((operation, left)) = &mut self.operation
            && !self.hangs
        {
            *left -= 1;
            if *left == 0 {
                let operation = operation.clone();
                self.operation = None;
                self.done(operation);
            }
        }
        self.status
    }

    /// A write. Returns whether an operation has begun.
    pub fn write(&mut self, at: usize, value: u16) -> bool {
        if self.operation.is_some() {
            return false;
        }
        let mode = std::mem::replace(&mut self.mode, Mode::Status);
        match mode {
            Mode::EraseSetup if value == 0xd0 => return self.begin(Operation::Erase(at)),
            Mode::EraseSetup => self.status |= ERASE_ERROR | PROGRAM_ERROR,
            Mode::LockSetup if value == 0xd0 => self.unlock(at),
            Mode::LockSetup => {}
            Mode::ProgramSetup => return self.begin(Operation::Program(vec![(at, value)])),
            Mode::BufferCount if usize::from(value) >= BUFFER_WORDS => {
                self.status |= ERASE_ERROR | PROGRAM_ERROR;
            }
            Mode::BufferCount => {
                self.buffer.clear();
                self.mode = Mode::BufferData {
                    left: usize::from(value) + 1,
                };
            }
            Mode::BufferData { left } => {
                self.buffer.push((at, value));
                self.mode = match left {
                    1 => Mode::BufferConfirm,
                    _ => Mode::BufferData { left: left - 1 },
                };
            }
            Mode::BufferConfirm => return self.confirm(value),
            Mode::Array | Mode::Status | Mode::Query => self.command(value),
        }
        false
    }

    fn command(&mut self, value: u16) {
        self.mode = match value {
            0xff => Mode::Array,
            0x70 => Mode::Status,
            0x50 => {
                self.status = READY;
                Mode::Status
            }
            // In any lane of 8 bits.
            0x98 | 0x9898 => Mode::Query,
            0x20 => Mode::EraseSetup,
            0x60 => Mode::LockSetup,
            0x40 => Mode::ProgramSetup,
            0xe8 if self.shape.buffer => Mode::BufferCount,
            _ => {
                self.status |= ERASE_ERROR | PROGRAM_ERROR;
                Mode::Status
            }
        };
    }

    fn confirm(&mut self, value: u16) -> bool {
        let unit = |at: usize| at / BUFFER_WORDS;
        let first = self.buffer.first().map_or(0, |(at, _)| unit(*at));
        let in_one_unit = self.buffer.iter().all(|(at, _)| unit(*at) == first);
        if value != 0xd0 || !in_one_unit {
            self.status |= ERASE_ERROR | PROGRAM_ERROR;
            return false;
        }
        let buffer = std::mem::take(&mut self.buffer);
        self.begin(Operation::Program(buffer))
    }

    fn unlock(&mut self, at: usize) {
        let block = self.block(at);
        self.locked[block] = false;
    }

    fn block(&self, at: usize) -> usize {
        at / self.shape.block_words % self.shape.blocks
    }

    fn begin(&mut self, operation: Operation) -> bool {
        let (at, error) = match &operation {
            Operation::Erase(at) => (*at, ERASE_ERROR),
            Operation::Program(words) => (words[0].0, PROGRAM_ERROR),
        };
        if self.locked[self.block(at)] {
            self.status |= LOCKED | error;
            return false;
        }
        self.status &= !READY;
        self.operation = Some((operation, BUSY));
        true
    }

    fn done(&mut self, operation: Operation) {
        self.status |= READY | self.fails;
        if self.fails == 0 {
            for (at, target) in self.targets(&operation) {
                self.array[at] = if self.worn == Some(at) { 0 } else { target };
            }
        }
    }

    /// The words that an operation changes, and what they become.
    fn targets(&self, operation: &Operation) -> Vec<(usize, u16)> {
        match operation {
            Operation::Erase(at) => {
                let start = self.block(*at) * self.shape.block_words;
                let words = start..start + self.shape.block_words;
                words.map(|at| (at, 0xffff)).collect()
            }
            Operation::Program(words) => {
                let cleared = |(at, value): &(usize, u16)| (*at, self.array[*at] & value);
                words.iter().map(cleared).collect()
            }
        }
    }

    /// The power goes.
    pub fn tear(&mut self, tear: Tear, random: &mut Random) {
        let Some((operation, _)) = self.operation.take() else {
            return;
        };
        let targets = self.targets(&operation);
        let place = random.below(targets.len());
        for (index, (at, target)) in targets.into_iter().enumerate() {
            let before = self.array[at];
            // Only bits that change can be in either state.
            let some = before ^ (before ^ target) & random.draw() as u16;
            let torn = [before, target, some];
            self.array[at] = match tear {
                Tear::None => before,
                Tear::All => target,
                Tear::Beginning if index < place => target,
                Tear::Beginning if index > place => before,
                Tear::AllButOne if index != place => target,
                Tear::Beginning | Tear::AllButOne => some,
                Tear::Anything => torn[random.below(3)],
            };
        }
    }
}

/// The query of such a chip (JESD68.01, 4.3).
fn query(shape: Shape) -> Vec<u16> {
    let mut words = vec![0; 0x40];
    let bytes = shape.block_words * 2;
    words[0x10..0x13].copy_from_slice(&[u16::from(b'Q'), u16::from(b'R'), u16::from(b'Y')]);
    words[0x13] = 1;
    words[0x1f..0x22].copy_from_slice(&[7, 7, 10]);
    words[0x23..0x26].copy_from_slice(&[4, 4, 4]);
    words[0x27] = (bytes * shape.blocks).trailing_zeros() as u16;
    words[0x2a] = if shape.buffer {
        (BUFFER_WORDS * 2).trailing_zeros() as u16
    } else {
        0
    };
    words[0x2c] = 1;
    let blocks = shape.blocks - 1;
    words[0x2d..0x2f].copy_from_slice(&[blocks as u16 & 0xff, blocks as u16 >> 8]);
    let units = bytes / 256;
    words[0x2f..0x31].copy_from_slice(&[units as u16 & 0xff, units as u16 >> 8]);
    words
}
