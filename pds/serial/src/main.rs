// SPDX-License-Identifier: BSD-2-Clause
//! Owns the UART; prints the lines of every client.
//!
//! Whole lines only, each under its client's name (`molt_trace::lines`). It writes with the FIFO polled:
//! a line of a slow UART is waited for at this domain's priority, above the drivers.
#![no_std]
#![no_main]

use heapless::Vec;
use molt_shared::Registers;
use molt_system::{MAX_SERIAL_CLIENTS, SerialBrief};
use molt_trace::lines::{Lines, Source};
use molt_trace::ring::Reader;
use molt_uart::{Kind, Uart};
use sel4_microkit::{ChannelSet, Handler, Infallible, protection_domain, var};

/// The PD that may write trace lines.
const TRACER: &str = "update";

struct Serial {
    uart: Uart<Registers>,
    clients: Vec<Lines<'static>, MAX_SERIAL_CLIENTS>,
}

#[protection_domain(stack_size = 0x8000)]
fn init() -> impl Handler {
    let address = *var!(molt_brief: usize = 0);
    let size = *var!(molt_brief_size: usize = 0);
    assert!(address != 0, "no brief");
    // SAFETY: the tool maps the brief there, read only, for good.
    let brief = unsafe { molt_shared::bytes(address, size) };
    let brief = match molt_system::brief::<SerialBrief>(brief) {
        Ok(brief) => brief,
        Err(error) => panic!("brief: {error:?}"),
    };
    let kind = match Kind::try_from(brief.kind) {
        Ok(kind) if brief.device != 0 => kind,
        other => panic!("no UART: {other:?} at {:#x}", brief.device),
    };
    // SAFETY: the tool maps the UART's registers there as device memory, for good; it reaches no memory.
    let registers = unsafe { Registers::new(brief.device as usize, molt_uart::REGISTERS) };
    let clients = brief.clients().iter().map(|client| {
        // SAFETY: the tool maps the ring there, read-write, for good; only this slice refers to it.
        let words = unsafe { molt_shared::words(client.ring as usize, client.size as usize) };
        let source = Source {
            name: client.name.as_str(),
            guest: client.guest.as_str(),
            traces: client.name.as_str() == TRACER,
        };
        Lines::new(source, Reader::new(words))
    });
    let mut serial = Serial {
        uart: Uart::new(kind, registers),
        clients: clients.collect(),
    };
    serial.uart.enable();
    // What was written before this domain ran.
    serial.print();
    serial
}

impl Serial {
    /// Prints what there is, one line of each client in turn.
    fn print(&mut self) {
        let Self { uart, clients } = self;
        while clients.iter_mut().fold(false, |some, client| {
            client.next_line(|piece| piece.iter().for_each(|byte| uart.put(*byte))) | some
        }) {}
    }
}

impl Handler for Serial {
    type Error = Infallible;

    fn notified(&mut self, _channels: ChannelSet) -> Result<(), Infallible> {
        self.print();
        Ok(())
    }
}
