// SPDX-License-Identifier: BSD-2-Clause
//! The sequence of commands that brings a card from power-on to the transfer state (P 4.2, 4.3).
//!
//! This is a state machine without registers and time: it gives the next command, and takes the answer.

use sdio_host::common_cmd::{self as common, Cmd, Resp, ResponseLen};
use sdio_host::sd::{CIC, CSD, OCR, RCA, SD};
use sdio_host::sd_cmd as sd;

use crate::error::Error;

/// CMD8's pattern, which the card sends back (P 4.3.13).
const PATTERN: u8 = 0xaa;
/// CMD8's voltage: 2.7 to 3.6 V.
const VOLTAGE: u8 = 1;
/// ACMD41's voltage window: 3.2 to 3.4 V (P 5.1).
const WINDOW: u16 = 0b110_0000;

/// Errors that the card reports in R1, of this command or of an earlier one (P 4.10.1), except those that concern erasing,
/// locking and the CSD.
const R1_ERRORS: u32 = 0xe6f8_0000;

/// A command, for the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// CMD's number.
    pub index: u8,
    /// Its argument.
    pub argument: u32,
    /// What the card answers.
    pub response: Response,
}

/// Kinds of response (P 4.9), as the controller tells them apart (H 2.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response {
    /// None.
    None,
    /// R2.
    Long,
    /// R3: no checksum.
    Unchecked,
    /// R1, R6, R7.
    Short,
    /// R1b: the card is busy afterwards.
    Busy,
}

impl Command {
    /// CMD12, which ends a transfer that failed.
    pub const STOP: Self = Self {
        index: 12,
        argument: 0,
        response: Response::Busy,
    };

    /// Converts a command of the crate `sdio-host`.
    pub fn of<R: Resp>(command: &Cmd<R>) -> Self {
        let response = match command.response_len() {
            ResponseLen::Zero => Response::None,
            ResponseLen::R136 => Response::Long,
            ResponseLen::R48 => match command.cmd {
                7 => Response::Busy,
                41 => Response::Unchecked,
                _ => Response::Short,
            },
        };
        Self {
            index: command.cmd,
            argument: command.arg,
            response,
        }
    }
}

/// Whether this R1 reports an error.
pub fn is_error(r1: u32) -> bool {
    r1 & R1_ERRORS != 0
}

/// How many of the bus's data lines are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// One, as after power-on.
    One,
    /// Four, which every SD memory card has (P 3.6).
    Four,
}

/// A card in the transfer state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Card {
    /// Its address on the bus.
    pub rca: u16,
    /// Commands address sectors, not bytes (P 4.3.14).
    pub by_sector: bool,
    /// Its size in sectors.
    pub sectors: u64,
    /// Its CSD forbids writing (P 5.3.2: permanent or temporary).
    pub protected: bool,
}

impl Card {
    /// How a command addresses this sector; `None` beyond what 32 bits can.
    pub fn address(&self, sector: u64) -> Option<u32> {
        let unit = if self.by_sector { 1 } else { 512 };
        u32::try_from(sector.checked_mul(unit)?).ok()
    }
}

/// The command that was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    GoIdle,
    InterfaceCondition,
    OperatingConditionNext,
    OperatingCondition,
    AllSendCid,
    RelativeAddress,
    Csd,
    Select,
    BlockLength,
    WidthNext,
    Width,
}

/// A card that is being started.
#[derive(Debug)]
pub struct Start {
    step: Step,
    width: Width,
    /// The card knows CMD8: it may be of high capacity.
    version_2: bool,
    card: Card,
}

/// What has to be done after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Issue the next [`Start::command`].
    Command,
    /// The card can be used.
    Ready(Card),
}

impl Start {
    /// A card of which nothing is known.
    pub fn new(width: Width) -> Self {
        Self {
            step: Step::GoIdle,
            width,
            version_2: false,
            card: Card {
                rca: 0,
                by_sector: false,
                sectors: 0,
                protected: false,
            },
        }
    }

    /// The command to issue.
    pub fn command(&self) -> Command {
        let rca = self.card.rca;
        match self.step {
            Step::GoIdle => Command::of(&common::idle()),
            Step::InterfaceCondition => Command::of(&sd::send_if_cond(VOLTAGE, PATTERN)),
            Step::OperatingConditionNext => Command::of(&common::app_cmd(0)),
            Step::OperatingCondition => {
                Command::of(&sd::sd_send_op_cond(self.version_2, false, false, WINDOW))
            }
            Step::AllSendCid => Command::of(&common::all_send_cid()),
            Step::RelativeAddress => Command::of(&sd::send_relative_address()),
            Step::Csd => Command::of(&common::send_csd(rca)),
            Step::Select => Command::of(&common::select_card(rca)),
            Step::BlockLength => Command::of(&common::set_block_length(512)),
            Step::WidthNext => Command::of(&common::app_cmd(rca)),
            Step::Width => Command::of(&sd::set_bus_width(self.width == Width::Four)),
        }
    }

    /// Takes the card's answer; in a long one each bit is where the specification has it. `None` if no answer came in time.
    ///
    /// # Errors
    /// [`Error::Card`].
    pub fn answered(&mut self, answer: Option<u128>) -> Result<Next, Error> {
        let refused = Error::Card(self.command().index);
        let Some(answer) = answer else {
            // A card of version 1 does not know CMD8 (P 4.2.2).
            if self.step != Step::InterfaceCondition {
                return Err(refused);
            }
            self.step = Step::OperatingConditionNext;
            return Ok(Next::Command);
        };
        let short = answer as u32;
        self.step = match self.step {
            Step::GoIdle => Step::InterfaceCondition,
            Step::InterfaceCondition => {
                let condition = CIC::from(short);
                if condition.pattern() != PATTERN || condition.voltage_accepted() & 0xf != VOLTAGE {
                    return Err(refused);
                }
                self.version_2 = true;
                Step::OperatingConditionNext
            }
            Step::OperatingConditionNext => Step::OperatingCondition,
            Step::OperatingCondition => {
                let condition = OCR::<SD>::from(short);
                self.card.by_sector = condition.high_capacity();
                // Asked again for as long as it powers up, at most a second (P 4.2.3): `update` has its own deadline.
                if condition.is_busy() {
                    Step::OperatingConditionNext
                } else {
                    Step::AllSendCid
                }
            }
            Step::AllSendCid => Step::RelativeAddress,
            Step::RelativeAddress => {
                self.card.rca = RCA::<SD>::from(short).address();
                Step::Csd
            }
            Step::Csd => {
                let csd = CSD::<SD>::from(answer);
                // 512-byte sectors; commands reach 2^32 of them, or as many bytes.
                self.card.sectors = (csd.card_size() / 512).min(1 << 32);
                self.card.protected = answer >> 12 & 0b11 != 0;
                if self.card.sectors == 0 {
                    return Err(refused);
                }
                Step::Select
            }
            Step::Select | Step::BlockLength | Step::Width if is_error(short) => {
                return Err(refused);
            }
            // A card of high capacity has no other length (P 4.3.14).
            Step::Select if self.card.by_sector => Step::WidthNext,
            Step::Select => Step::BlockLength,
            Step::BlockLength => Step::WidthNext,
            Step::WidthNext => Step::Width,
            Step::Width => return Ok(Next::Ready(self.card)),
        };
        Ok(Next::Command)
    }
}
