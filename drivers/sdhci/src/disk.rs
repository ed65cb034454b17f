// SPDX-License-Identifier: BSD-2-Clause
//! Controller and card as a disk: one command at a time, interrupt by interrupt.

use molt_block::{Command as Request, Device, Limits, Ring};
use molt_block_queue::{Op, Status};
use molt_shared::{Handover, Mmio};
use sdio_host::common_cmd as common;
use sdio_host::sd::{CardStatus, CurrentState, SD};

use crate::Pause;
use crate::adma::{MAX_SECTORS, Table};
use crate::card::{self, Card, Command, Next, Response, Start, Width};
use crate::controller::{Controller, Data};
use crate::error::Error;
use crate::registers::interrupt;

/// What the controller is doing.
#[derive(Debug)]
enum State {
    /// A command of the card's start.
    Starting(Start),
    /// Nothing.
    Idle,
    /// A request's command.
    Running(Op),
    /// A request has failed, and CMD12 brings the card back to the transfer state.
    Recovering,
    /// A request is done, and not asked for yet.
    Done(Status),
}

/// An SD card.
#[derive(Debug)]
pub struct Disk<'a, R> {
    controller: Controller<R>,
    table: Table<'a>,
    width: Width,
    state: State,
    /// The interrupts of the command so far.
    seen: u32,
    /// The card in the transfer state, and what it can do.
    started: Option<(Card, Limits)>,
}

impl<'a, R: Mmio> Disk<'a, R> {
    /// Resets the controller and issues the first command to the card; the rest follows with the interrupts. The
    /// contents of `ring` do not matter.
    ///
    /// # Errors
    /// Whatever controller or memory is not ([`Error`]).
    pub fn start(registers: R, ring: Ring<'a>, width: Width, pause: Pause) -> Result<Self, Error> {
        let controller = Controller::start(registers, pause)?;
        let table = Table::new(ring, controller.wide)?;
        let start = Start::new(width);
        controller.issue(start.command(), None);
        Ok(Self {
            controller,
            table,
            width,
            state: State::Starting(start),
            seen: 0,
            started: None,
        })
    }

    /// The card, once it has started.
    pub fn card(&self) -> Option<&Card> {
        self.started.as_ref().map(|(card, _)| card)
    }

    fn limits_of(&self, card: &Card) -> Limits {
        Limits {
            capacity: card.sectors,
            block_size: 512,
            read_only: card.protected || !self.controller.writable(),
            // A card without the cache of version 6 has written when it is no longer busy, but may tell of a failure
            // only when it is asked the next time (P 4.10.1): so it is asked.
            flush: true,
            max_sectors: MAX_SECTORS,
            max_segments: molt_block_queue::SEGMENTS as u32,
            max_segment: u32::MAX,
            // Of the addresses, and so of the lengths before them (H 1.13.3.2; 8 where addresses have 64 bits).
            alignment: if self.controller.wide { 8 } else { 4 },
            memory_end: if self.controller.wide {
                u64::MAX
            } else {
                1 << 32
            },
            max_discard_sectors: 0,
            max_write_zeroes_sectors: 0,
        }
    }

    /// Issues a command of which no interrupt was seen yet.
    fn issue(&mut self, command: Command, data: Option<Data>) {
        self.seen = 0;
        self.controller.issue(command, data);
    }

    /// The card has answered a command of its start, or not.
    fn proceed(&mut self, mut start: Start, failed: bool) -> Result<(), Error> {
        let command = start.command();
        let answer = match command.response {
            _ if failed => {
                self.controller.reset_lines()?;
                None
            }
            Response::Long => Some(self.controller.long()),
            _ => Some(self.controller.short().into()),
        };
        match start.answered(answer)? {
            Next::Command => {
                self.issue(start.command(), None);
                self.state = State::Starting(start);
            }
            Next::Ready(card) => {
                self.controller.full_speed(self.width)?;
                self.started = Some((card, self.limits_of(&card)));
                self.state = State::Idle;
            }
        }
        Ok(())
    }

    /// A request's command has ended.
    fn finish(&mut self, op: Op, failed: bool) -> Result<(), Error> {
        if failed {
            self.controller.reset_lines()?;
            self.state = State::Done(Status::IoError);
            if op.has_data() {
                self.issue(Command::STOP, None);
                self.state = State::Recovering;
            }
            return Ok(());
        }
        Handover::FromDevice.barrier();
        let status = CardStatus::<SD>::from(self.controller.short());
        let written = status.state() == CurrentState::Transfer && status.ready_for_data();
        self.state = State::Done(match op {
            Op::Flush if !written => Status::IoError,
            _ => Status::Ok,
        });
        Ok(())
    }
}

/// Has a command that waits for these interrupts ended, and in error?
fn ended(seen: u32, with_transfer: bool) -> Option<bool> {
    // A transfer that is complete was in time, whatever the time-out says (H 2.2.17).
    let excused = match seen & interrupt::TRANSFER {
        0 => 0,
        _ => interrupt::DATA_TIMEOUT,
    };
    if seen & interrupt::ERRORS & !excused != 0 {
        return Some(true);
    }
    let awaited = match with_transfer {
        true => interrupt::COMMAND | interrupt::TRANSFER,
        false => interrupt::COMMAND,
    };
    (seen & awaited == awaited).then_some(false)
}

impl<R: Mmio> Device for Disk<'_, R> {
    type Error = Error;

    fn limits(&self) -> Option<&Limits> {
        self.started.as_ref().map(|(_, limits)| limits)
    }

    fn has_room(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    fn in_flight(&self) -> usize {
        usize::from(!matches!(self.state, State::Idle | State::Starting(_)))
    }

    fn submit(&mut self, request: &Request) -> Option<usize> {
        let (card, _) = self.started.filter(|_| self.has_room())?;
        let address = card.address(request.sector)?;
        let command = match (request.op, request.sectors) {
            (Op::Read, 1) => Command::of(&common::read_single_block(address)),
            (Op::Read, _) => Command::of(&common::read_multiple_blocks(address)),
            (Op::Write, 1) => Command::of(&common::write_single_block(address)),
            (Op::Write, _) => Command::of(&common::write_multiple_blocks(address)),
            (Op::Flush, _) => Command::of(&common::card_status(card.rca, false)),
            // Not reached: the limits say that there is neither.
            (Op::Discard | Op::WriteZeroes, _) => return None,
        };
        let data = request.op.has_data().then(|| {
            self.table.describe(&request.pieces);
            Data {
                op: request.op,
                sectors: request.sectors,
                table: self.table.physical(),
            }
        });
        self.issue(command, data);
        self.state = State::Running(request.op);
        Some(0)
    }

    fn tell(&mut self) {
        // A command is issued when it is submitted.
    }

    fn interrupt(&mut self) -> Result<(), Error> {
        let new = self.controller.interrupts();
        if new & interrupt::REMOVED != 0 {
            return Err(Error::NoCard);
        }
        self.seen |= new;
        let busy = |start: &Start| start.command().response == Response::Busy;
        let with_transfer = match &self.state {
            State::Starting(start) => busy(start),
            State::Running(op) => op.has_data(),
            State::Recovering => true,
            State::Idle | State::Done(_) => return Ok(()),
        };
        let answered = self.seen & interrupt::COMMAND != 0;
        let refused = matches!(self.state, State::Running(_))
            && answered
            && card::is_error(self.controller.short());
        // To what the card refuses it sends no data: there is no transfer to wait for.
        let Some(failed) = refused.then_some(true).or(ended(self.seen, with_transfer)) else {
            return Ok(());
        };
        match core::mem::replace(&mut self.state, State::Idle) {
            State::Starting(start) => self.proceed(start, failed),
            State::Running(op) => self.finish(op, failed),
            // A card that was in the transfer state already does not answer CMD12 (P 4.8).
            State::Recovering => {
                self.state = State::Done(Status::IoError);
                match failed {
                    true => self.controller.reset_lines(),
                    false => Ok(()),
                }
            }
            State::Idle | State::Done(_) => Ok(()),
        }
    }

    fn done(&mut self) -> Result<Option<(usize, Status)>, Error> {
        let State::Done(status) = self.state else {
            return Ok(None);
        };
        self.state = State::Idle;
        Ok(Some((0, status)))
    }

    fn stop(&mut self) -> Result<(), Error> {
        self.controller.stop()
    }
}
