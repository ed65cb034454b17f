// SPDX-License-Identifier: BSD-2-Clause
//! A model of a controller with a card behind its registers, written from the specifications' device side.

use std::cell::{Ref, RefCell, RefMut};
use std::collections::BTreeMap;
use std::rc::Rc;

use molt_shared::{Memory, Mmio};

use crate::registers::*;

/// Where the ring memory is in the fake machine.
pub const RING: u64 = 0x8000_0000;
/// Where its RAM is.
pub const RAM: u64 = 0x4000_0000;
const RCA: u32 = 0x4567;

/// The card's state (P 4.1, table 4-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardState {
    Idle = 0,
    Ready = 1,
    Identification = 2,
    Standby = 3,
    Transfer = 4,
    Data = 5,
}

/// Controller, card, and the machine's memory.
pub struct State {
    pub ring: Memory,
    pub ram: Vec<u8>,
    pub disk: Vec<u8>,
    pub version: u32,
    pub capabilities: u32,
    pub present: u32,
    pub resets: bool,
    pub stable: bool,
    /// The card's: knows CMD8, addresses by sector, answers at all, how often ACMD41 says busy.
    pub version_2: bool,
    pub by_sector: bool,
    pub answers: bool,
    pub powering_up: u32,
    pub protected: bool,
    pub card: CardState,
    pub wide_card: bool,
    /// Error interrupts (upper half) that the next data command ends with; then nothing of it is done.
    pub error: u32,
    /// Bits that the next R1 has too.
    pub r1: u32,
    /// Every command, and its argument.
    pub log: Vec<(u8, u32)>,
    registers: BTreeMap<usize, u32>,
    application: bool,
    /// Issued, and not carried out.
    pub pending: Option<u32>,
}

#[derive(Clone)]
pub struct Fake(Rc<RefCell<State>>);

impl Fake {
    pub fn new(ring: Memory) -> Self {
        Self(Rc::new(RefCell::new(State {
            ring,
            ram: vec![0; 0x2_0000],
            // 1 MiB.
            disk: vec![0; 512 * 2048],
            version: 2,
            capabilities: capability::ADMA2
                | capability::VOLT_3_3
                | capability::ADDRESS_64
                | 100 << 8,
            present: present::CARD | present::WRITABLE,
            resets: true,
            stable: true,
            version_2: true,
            by_sector: true,
            answers: true,
            powering_up: 2,
            protected: false,
            card: CardState::Idle,
            wide_card: false,
            error: 0,
            r1: 0,
            log: Vec::new(),
            registers: BTreeMap::new(),
            application: false,
            pending: None,
        })))
    }

    pub fn get(&self) -> Ref<'_, State> {
        self.0.borrow()
    }

    pub fn set(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    /// Carries out the command that was issued: whether there was one.
    pub fn finish(&self) -> bool {
        let mut state = self.set();
        let Some(word) = state.pending.take() else {
            return false;
        };
        state.execute(word);
        true
    }

    /// Is the interrupt line up?
    pub fn interrupts(&self) -> bool {
        let state = self.get();
        state.register(STATUS) & state.register(SIGNAL_ENABLE) != 0
    }
}

impl State {
    pub fn register(&self, offset: usize) -> u32 {
        self.registers.get(&offset).copied().unwrap_or(0)
    }

    /// Sets interrupt status bits, as far as they are enabled.
    pub fn raise(&mut self, bits: u32) {
        let enabled = bits & self.register(STATUS_ENABLE);
        *self.registers.entry(STATUS).or_default() |= enabled;
    }

    fn respond(&mut self, response: u128) {
        for n in 0..4 {
            let word = (response >> (32 * n)) as u32;
            self.registers.insert(RESPONSE + 4 * n, word);
        }
    }

    fn execute(&mut self, word: u32) {
        let index = (word >> command::INDEX_SHIFT & 0x3f) as u8;
        let argument = self.register(ARGUMENT);
        self.log.push((index, argument));
        assert_eq!(
            self.register(CLOCK) & (clock::CARD | clock::STABLE | clock::INTERNAL),
            clock::CARD | clock::STABLE | clock::INTERNAL,
            "a command without a clock"
        );
        assert!(
            self.register(HOST_CONTROL) & control::POWER != 0,
            "a command without power"
        );
        let application = std::mem::take(&mut self.application);
        let Some(response) = self.card(index, argument, application) else {
            // Command time-out.
            self.raise(1 << 16);
            return;
        };
        self.respond(response);
        if word & command::DATA == 0 {
            let busy = word & command::SHORT_BUSY == command::SHORT_BUSY;
            self.raise(interrupt::COMMAND | if busy { interrupt::TRANSFER } else { 0 });
            return;
        }
        let error = std::mem::take(&mut self.error);
        if response as u32 & 0xe6f8_0000 != 0 || error != 0 {
            self.card = CardState::Data;
            self.raise(interrupt::COMMAND | error);
            return;
        }
        self.raise(interrupt::COMMAND);
        self.transfer(word, argument);
        self.raise(interrupt::TRANSFER);
    }

    /// The card's answer, if it gives one.
    fn card(&mut self, index: u8, argument: u32, application: bool) -> Option<u128> {
        use CardState::*;
        if !self.answers {
            return None;
        }
        let r1 = u128::from((self.card as u32) << 9 | 1 << 8 | std::mem::take(&mut self.r1));
        match (index, self.card) {
            (0, _) => {
                self.card = Idle;
                Some(0)
            }
            (8, Idle) if self.version_2 => Some(u128::from(argument & 0xfff)),
            (55, _) => {
                assert!(argument >> 16 == if self.card == Idle { 0 } else { RCA });
                self.application = true;
                Some(r1 | 1 << 5)
            }
            (41, Idle) if application => {
                assert_eq!(
                    argument >> 30 & 1 == 1,
                    self.version_2,
                    "host capacity support"
                );
                let busy = self.powering_up > 0;
                self.powering_up = self.powering_up.saturating_sub(1);
                if !busy {
                    self.card = Ready;
                }
                Some(
                    0xff_8000 | u128::from(!busy) << 31 | u128::from(self.by_sector && !busy) << 30,
                )
            }
            (2, Ready) => {
                self.card = Identification;
                Some(0)
            }
            (3, Identification) => {
                self.card = Standby;
                Some(u128::from(RCA) << 16)
            }
            (9, Standby) => Some(self.csd() >> 8),
            (7, Standby) if argument >> 16 == RCA => {
                self.card = Transfer;
                Some(r1)
            }
            (16, Transfer) => Some(r1),
            (6, Transfer) if application => {
                self.wide_card = argument == 2;
                Some(r1)
            }
            (13, _) if argument >> 16 == RCA => Some(r1),
            (17 | 18 | 24 | 25, Transfer) => Some(r1),
            (12, Data) => {
                self.card = Transfer;
                Some(r1)
            }
            _ => None,
        }
    }

    /// P 5.3.2 and 5.3.3.
    fn csd(&self) -> u128 {
        let sectors = self.disk.len() as u128 / 512;
        let protected = u128::from(self.protected) << 12;
        if self.by_sector {
            return 1 << 126 | 9 << 80 | (sectors / 1024 - 1) << 48 | protected;
        }
        // Blocks of 512 bytes, (C_SIZE + 1) * 4 of them.
        9 << 80 | (sectors / 4 - 1) << 62 | protected
    }

    /// The data of a command, by the descriptors.
    fn transfer(&mut self, word: u32, argument: u32) {
        assert!(word & mode::DMA != 0 && word & mode::COUNT != 0);
        let block = self.register(BLOCK);
        let (size, count) = (block & 0xfff, block >> 16);
        let index = word >> command::INDEX_SHIFT & 0x3f;
        let read = matches!(index, 17 | 18);
        assert_eq!(word & mode::READ != 0, read);
        assert_eq!(word & mode::MULTIPLE != 0, matches!(index, 18 | 25));
        assert_eq!(word & mode::AUTO_CMD12 != 0, matches!(index, 18 | 25));
        assert_eq!((size, count > 0), (512, true));
        assert!(count == 1 || matches!(index, 18 | 25));
        assert_eq!(
            self.register(HOST_CONTROL) & control::WIDE != 0,
            self.wide_card
        );
        let mut at = argument as usize * if self.by_sector { 512 } else { 1 };
        let end = at + (size * count) as usize;
        for (address, len) in self.descriptors() {
            let from = (address - RAM) as usize;
            let (ram, disk) = (from..from + len, at..at + len);
            match read {
                true => self.ram[ram].copy_from_slice(&self.disk[disk]),
                false => self.disk[disk].copy_from_slice(&self.ram[ram]),
            }
            at += len;
        }
        assert_eq!(at, end, "as many bytes as blocks");
    }

    fn descriptors(&self) -> Vec<(u64, usize)> {
        let wide = self.register(HOST_CONTROL) & control::ADMA2_64 == control::ADMA2_64;
        let high = if wide {
            self.register(ADMA_ADDRESS + 4)
        } else {
            0
        };
        let mut at = (u64::from(self.register(ADMA_ADDRESS)) | u64::from(high) << 32) - RING;
        let mut found = Vec::new();
        loop {
            let mut next = || {
                let word = self.ring.load_u32(at as usize).unwrap();
                at += 4;
                u64::from(word)
            };
            let first = next();
            let address = next() | if wide { next() << 32 } else { 0 };
            assert_eq!(first & 0b11_0001, 0b10_0001, "valid, transfer");
            let len = if first >> 16 == 0 {
                0x1_0000
            } else {
                first >> 16
            };
            found.push((address, len as usize));
            if first & 2 != 0 {
                return found;
            }
        }
    }
}

impl Mmio for Fake {
    fn read(&self, offset: usize) -> u32 {
        let state = self.get();
        match offset {
            PRESENT => state.present,
            CAPABILITIES => state.capabilities,
            VERSION => state.version << 16,
            CLOCK => {
                let mut value = state.register(CLOCK);
                if state.stable && value & clock::INTERNAL != 0 {
                    value |= clock::STABLE;
                }
                value
            }
            _ => state.register(offset),
        }
    }

    fn write(&self, offset: usize, value: u32) {
        let mut state = self.set();
        match offset {
            STATUS => {
                *state.registers.entry(STATUS).or_default() &= !value;
            }
            CLOCK if value & clock::RESET_ALL != 0 => {
                state.registers.clear();
                state.pending = None;
                if !state.resets {
                    state.registers.insert(CLOCK, clock::RESET_ALL);
                }
            }
            CLOCK => {
                if value & clock::RESET_LINES != 0 {
                    state.pending = None;
                }
                let stable = if state.stable && value & clock::INTERNAL != 0 {
                    clock::STABLE
                } else {
                    0
                };
                state
                    .registers
                    .insert(CLOCK, value & !clock::RESET_LINES | stable);
            }
            COMMAND => {
                assert_eq!(state.pending, None, "one command at a time");
                state.pending = Some(value);
            }
            _ => {
                state.registers.insert(offset, value);
            }
        }
    }
}
