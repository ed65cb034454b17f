// SPDX-License-Identifier: BSD-2-Clause
//! The registers of a doorbell. Each access is six bytes: what, offset (two bytes), and 32 bits; or `update` answers.

use std::rc::Rc;
use std::sync::atomic::AtomicU64;

use molt_doorbell::{Answer, Command, Reason, Request, Status, regs};
use molt_vmm::{Deferral, Device as _, Doorbell, Mailbox, Width};

use crate::input::Input;
use crate::world::{clear, with_world, words};

thread_local! {
    static PAGES: (&'static [AtomicU64], &'static [AtomicU64]) = (words(512), words(512));
}

const WIDTHS: [Width; 4] = [Width::Word, Width::Byte, Width::Half, Width::Double];

pub fn run(bytes: &[u8]) {
    let (to_client, to_update) = PAGES.with(|pages| *pages);
    clear(to_client);
    clear(to_update);
    Answer::default().write(to_client);
    let mailbox = Rc::new(Mailbox::new(to_client, to_update));
    let deferral = Deferral::new((to_client, to_update), [(0, 1_000_000)], |ticks| ticks);
    let mut bell = Doorbell::new(mailbox, (0x6000_0000, 0x10_0000)).deferring(deferral);
    let mut input = Input::new(bytes);
    let mut serial = 0;
    while !input.is_empty() {
        let (what, offset, value) = (input.u8(), input.u16(), input.u32());
        let offset = u64::from(offset) % (bell.size() + 16);
        let width = WIDTHS[usize::from(what >> 4) % WIDTHS.len()];
        match what % 4 {
            0 => drop(bell.read(offset, width)),
            1 => with_world(|world| bell.write(offset, width, value.into(), world)),
            2 => with_world(|world| bell.poll(world)),
            _ => answer(value, offset).write(to_client),
        }
        if let Some(request) = Request::read(to_update) {
            assert!(request.serial >= serial, "a command is lost");
            assert!(u64::from(request.length) <= u64::from(u32::MAX));
            serial = request.serial;
        }
        assert_eq!(
            bell.read(regs::MAGIC, Width::Word),
            u64::from(regs::MAGIC_VALUE)
        );
    }
}

/// An answer of `update`.
fn answer(value: u32, serial: u64) -> Answer {
    Answer {
        serial,
        status: Status::from_u32(value & 0xf).unwrap_or_default(),
        reason: Reason::from_u32(value >> 4 & 0x3f).unwrap_or_default(),
        handle: u64::from(value) * 0x1_0001,
        progress: value >> 8,
        generation: u64::from(value),
        sequence: u64::from(value >> 16),
        ..Answer::default()
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let access = |what: u8, offset: u64, value: u32| {
        let offset = (offset as u16).to_le_bytes();
        [&[what], offset.as_slice(), &value.to_le_bytes()].concat()
    };
    let offer = [
        access(1, regs::COMPONENT, 0),
        access(1, regs::LENGTH, 4096),
        access(1, regs::COMMAND, Command::Offer as u32),
        access(3, 1, Status::Offered as u32 | 0x1000),
        access(2, 0, 0),
        access(0, regs::HANDLE_LOW, 0),
        access(0, regs::HANDLE_HIGH, 0),
        access(1, regs::INTERRUPT_STATUS, 1),
        access(1, regs::HANDLE_LOW, 0x1000),
        access(1, regs::COMMAND, Command::Confirm as u32),
        access(3, 2, Status::Committed as u32),
        access(2, 0, 0),
    ];
    vec![offer.concat()]
}
