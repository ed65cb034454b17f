// SPDX-License-Identifier: BSD-2-Clause
//! The doorbell without its registers' device: the mailbox in the gate pages.

use core::cell::Cell;
use core::fmt;
use core::sync::atomic::AtomicU64;

use molt_doorbell::{Answer, Command, Request, Status, regs};
use molt_guest::Doorbell;
use molt_shared::Memory;
use molt_system::VmmBrief;
use sel4_microkit::Channel;

use crate::{Console, brief};

/// As `molt_guest::Ring` uses it.
pub struct Bell {
    to_client: &'static [AtomicU64],
    to_update: &'static [AtomicU64],
    update: Option<Channel>,
    staging: Memory,
    answer: Cell<Answer>,
    request: Request,
    console: Console,
}

impl Bell {
    /// The doorbell of the brief, if there is one.
    pub fn new(brief: &VmmBrief, console: Console) -> Option<Self> {
        if brief.doorbell.present == 0 {
            return None;
        }
        let (to_client, to_update) = brief::gate_pages(&brief.gate);
        Some(Self {
            to_client,
            to_update,
            update: brief::channel(brief.update_channel),
            staging: brief::staging(brief),
            answer: Cell::default(),
            request: Request {
                serial: 0,
                command: Command::Offer,
                component: 0,
                length: 0,
                handle: 0,
            },
            console,
        })
    }

    /// Looks for an answer to the last request.
    fn refresh(&self) {
        if let Some(answer) = Answer::read(self.to_client)
            && answer.serial >= self.request.serial
        {
            self.answer.set(answer);
        }
    }
}

impl Doorbell for Bell {
    fn read(&self, offset: u64) -> u32 {
        self.refresh();
        let answer = self.answer.get();
        match offset {
            regs::STATUS => answer.status as u32,
            regs::REASON => answer.reason as u32,
            regs::HANDLE_LOW => answer.handle as u32,
            regs::HANDLE_HIGH => (answer.handle >> 32) as u32,
            regs::GENERATION => answer.generation as u32,
            regs::SEQUENCE => answer.sequence as u32,
            _ => 0,
        }
    }

    fn write(&mut self, offset: u64, value: u32) {
        let request = &mut self.request;
        match offset {
            regs::COMPONENT => request.component = value,
            regs::LENGTH => request.length = value,
            regs::HANDLE_LOW => request.handle = request.handle & !0xffff_ffff | u64::from(value),
            regs::HANDLE_HIGH => {
                request.handle = request.handle & 0xffff_ffff | u64::from(value) << 32;
            }
            regs::COMMAND => {
                let Some(command) = Command::from_u32(value) else {
                    return;
                };
                request.command = command;
                request.serial += 1;
                request.write(self.to_update);
                if command == Command::Offer {
                    self.answer.set(Answer {
                        status: Status::Idle,
                        ..self.answer.get()
                    });
                }
                if let Some(update) = self.update {
                    update.notify();
                }
            }
            _ => {}
        }
    }

    fn stage(&mut self, bundle: &[u8]) {
        let length = bundle.len().min(self.staging.size());
        // Cut to fit: it is refused, which is worth seeing.
        let _ = self
            .staging
            .write(0, bundle.get(..length).unwrap_or(bundle));
    }

    fn say(&mut self, line: fmt::Arguments<'_>) {
        self.console.say(line);
    }
}
