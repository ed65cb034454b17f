// SPDX-License-Identifier: BSD-2-Clause
//! Owns the UART and prints the lines of every client.
//!
//! It prints only whole lines, each behind its client's name (`molt_trace::lines`). It polls the UART's FIFO, so writing a
//! line to a slow UART keeps everything below this domain's priority waiting, drivers included.
#![no_std]
#![no_main]

mod registers;

use heapless::Vec;
use molt_system::{MAX_SERIAL_CLIENTS, SerialBrief};
use molt_trace::lines::{Lines, Source};
use molt_trace::ring::Reader;
use molt_uart::{Kind, Uart};
use registers::UartRegisters;
use sel4_microkit::{ChannelSet, Handler, Infallible, protection_domain};

/// The PD that may write trace lines.
const TRACER: &str = "update";

struct Serial {
    uart: Uart<UartRegisters>,
    clients: Vec<Lines<'static>, MAX_SERIAL_CLIENTS>,
}

#[protection_domain(stack_size = 0x8000)]
fn init() -> impl Handler {
    let brief: &SerialBrief = molt_brief::get();
    let kind = match Kind::try_from(brief.kind) {
        Ok(kind) if brief.device != 0 => kind,
        other => panic!("no UART: {other:?} at {:#x}", brief.device),
    };
    let clients = brief.clients().iter().map(|client| {
        let words = molt_brief::words(client.ring, client.size);
        let source = Source {
            name: client.name.as_str(),
            guest: client.guest.as_str(),
            traces: client.name.as_str() == TRACER,
        };
        Lines::new(source, Reader::new(words))
    });
    let mut serial = Serial {
        uart: Uart::new(kind, registers::registers(brief)),
        clients: clients.collect(),
    };
    serial.uart.enable();
    // Prints what was written before this PD ran.
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
