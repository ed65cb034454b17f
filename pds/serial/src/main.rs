// SPDX-License-Identifier: BSD-2-Clause
//! Owns the UART and prints the lines of every client; what an operator types goes to `update`.
//!
//! It prints only whole lines, each behind its client's name (`molt_trace::lines`). It polls the UART's FIFO, so writing a
//! line to a slow UART keeps everything below this domain's priority waiting, drivers included.
//!
//! What is typed is not read here. While `update` has not taken what was passed on, the UART's interrupt is not acknowledged, so
//! that nobody who types can keep this domain busy.
#![no_std]
#![no_main]

mod registers;

use heapless::Vec;
use molt_system::{MAX_SERIAL_CLIENTS, NONE, SerialBrief};
use molt_trace::lines::{Lines, Source};
use molt_trace::ring::{Reader, Writer};
use molt_uart::{Kind, Uart};
use registers::UartRegisters;
use sel4_microkit::{Channel, ChannelSet, Handler, Infallible, protection_domain};

/// The PD that may write trace lines.
const TRACER: &str = "update";

/// Bytes for which there has to be room before anything is taken: more than any UART's FIFO holds.
const FIFO: u64 = 256;

/// The way from the port to `update`.
struct Operator {
    ring: Writer<'static>,
    update: Channel,
    interrupt: Channel,
    /// The interrupt has come and was not acknowledged yet.
    pending: bool,
}

struct Serial {
    uart: Uart<UartRegisters>,
    clients: Vec<Lines<'static>, MAX_SERIAL_CLIENTS>,
    operator: Option<Operator>,
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
    let listens = brief.operator.vaddr != 0 && brief.irq != NONE;
    let operator = listens.then(|| Operator {
        ring: Writer::new(molt_brief::words(brief.operator.vaddr, brief.operator.size)),
        update: Channel::new(brief.operator.channel as usize),
        interrupt: Channel::new(brief.irq as usize),
        pending: false,
    });
    let mut serial = Serial {
        uart: Uart::new(kind, registers::registers(brief)),
        clients: clients.collect(),
        operator,
    };
    serial.uart.enable();
    if serial.operator.is_some() {
        serial.uart.listen();
    }
    // Prints what was written before this PD ran.
    serial.print();
    serial
}

impl Operator {
    /// Passes on what was received, if there is room for it.
    fn listen(&mut self, uart: &Uart<UartRegisters>) {
        if !self.pending || self.ring.free() < FIFO {
            return;
        }
        uart.heard();
        let mut some = false;
        for _ in 0..FIFO {
            let Some(byte) = uart.take() else {
                break;
            };
            // There is room. A byte that is no ASCII makes its line a bad one all the same.
            let byte = if byte.is_ascii() { byte } else { 0x7f };
            some |= self.ring.print(format_args!("{}", char::from(byte)));
        }
        self.pending = false;
        // It fails only if there is no such interrupt.
        let _ = self.interrupt.irq_ack();
        if some {
            self.update.notify();
        }
    }
}

impl Serial {
    /// Prints what there is, one line of each client in turn.
    fn print(&mut self) {
        let Self { uart, clients, .. } = self;
        while clients.iter_mut().fold(false, |some, client| {
            client.next_line(|piece| piece.iter().for_each(|byte| uart.put(*byte))) | some
        }) {}
    }
}

impl Handler for Serial {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        if let Some(operator) = &mut self.operator {
            operator.pending |= channels.contains(operator.interrupt);
            operator.listen(&self.uart);
        }
        self.print();
        Ok(())
    }
}
