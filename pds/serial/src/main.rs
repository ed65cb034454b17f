// SPDX-License-Identifier: BSD-2-Clause
//! Owns the UART: prints what every client and every guest has to say, and passes on what is typed, to the guest whose console is
//! attached (`molt_terminal`) or to `update`, where an operator's commands go.
//!
//! It prints only whole lines, each behind its writer's name (`molt_trace::lines`), except what the guest prints whose console is
//! attached. It polls the UART's FIFO, so writing a line to a slow UART keeps everything below this domain's priority waiting,
//! drivers included.
//!
//! While whoever is to get what was typed has no room, it stays in the UART, whose interrupt is not acknowledged, so that nobody who
//! types can keep this domain busy.
#![no_std]
#![no_main]

mod input;
mod registers;

use heapless::Vec;
use input::Input;
use molt_system::{MAX_SERIAL_CLIENTS, NONE, SerialBrief};
use molt_terminal::{KINDS, Multiplexer, Name, Source};
use molt_trace::lines::{self, Lines};
use molt_trace::ring::{Reader, Writer};
use molt_uart::{Kind, Uart};
use registers::UartRegisters;
use sel4_microkit::{Channel, ChannelSet, Handler, Infallible, protection_domain};

/// The PD that may write trace lines.
const TRACER: &str = "update";

/// Most consoles of guests.
const CONSOLES: usize = 2 * MAX_SERIAL_CLIENTS;

struct Serial {
    uart: Uart<UartRegisters>,
    clients: Vec<Lines<'static>, MAX_SERIAL_CLIENTS>,
    consoles: Multiplexer<'static, CONSOLES>,
    /// The channel of each console's VMM.
    vmms: Vec<Channel, CONSOLES>,
    input: Option<Input>,
}

// Most of the stack holds the lines of all clients while they are made.
#[protection_domain(stack_size = 0x2_0000)]
fn init() -> impl Handler {
    let brief: &SerialBrief = molt_brief::get();
    let kind = match Kind::try_from(brief.kind) {
        Ok(kind) if brief.device != 0 => kind,
        other => panic!("no UART: {other:?} at {:#x}", brief.device),
    };
    let clients = brief.clients().iter().map(|client| {
        let words = molt_brief::words(client.ring, client.size);
        let source = lines::Source {
            name: client.name.as_str(),
            guest: false,
            traces: client.name.as_str() == TRACER,
        };
        Lines::new(source, Reader::new(words))
    });
    let consoles = Multiplexer::new(consoles(brief).map(|(source, _)| source));
    let mut serial = Serial {
        uart: Uart::new(kind, registers::registers(brief)),
        clients: clients.collect(),
        vmms: self::consoles(brief).map(|(_, vmm)| vmm).collect(),
        input: Input::of(brief, consoles.can_attach()),
        consoles,
    };
    serial.uart.enable();
    // Prints what was written before this PD ran.
    serial.print();
    if serial.input.is_some() {
        serial.uart.listen();
        if serial.consoles.can_attach() {
            let Serial { uart, consoles, .. } = &mut serial;
            consoles.list(&mut |piece: &[u8]| piece.iter().for_each(|byte| uart.put(*byte)));
        }
    }
    serial
}

/// The guests' consoles, each with the channel of its VMM.
fn consoles(brief: &'static SerialBrief) -> impl Iterator<Item = (Source<'static>, Channel)> {
    brief.clients().iter().flat_map(|client| {
        let there = KINDS.into_iter().zip(&client.consoles);
        let there = there.filter(|(_, rings)| rings.output != 0);
        there.map(|(kind, rings)| {
            let typed = rings.input != 0 && brief.irq != NONE;
            let source = Source {
                name: Name {
                    guest: client.guest.as_str(),
                    kind,
                },
                output: Reader::new(molt_brief::words(rings.output, rings.output_size)),
                input: typed.then(|| Writer::new(molt_brief::words(rings.input, rings.input_size))),
            };
            (source, Channel::new(client.channel as usize))
        })
    })
}

impl Serial {
    /// Prints what there is, something of each client in turn.
    fn print(&mut self) {
        let Self {
            uart,
            clients,
            consoles,
            vmms,
            ..
        } = self;
        let mut out = |piece: &[u8]| piece.iter().for_each(|byte| uart.put(*byte));
        loop {
            let mut some = false;
            // What a guest has printed comes before what its VMM says of its end.
            for (n, vmm) in vmms.iter().enumerate() {
                let (printed, awaited) = consoles.print(n, &mut out);
                some |= printed;
                if printed && awaited {
                    vmm.notify();
                }
            }
            for client in clients.iter_mut() {
                some |= consoles.next_line(client, &mut out);
            }
            if !some {
                return;
            }
        }
    }
}

impl Handler for Serial {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        let Self {
            uart,
            consoles,
            vmms,
            input,
            ..
        } = self;
        if let Some(input) = input {
            input.listen(channels, uart, consoles, vmms);
        }
        self.print();
        Ok(())
    }
}
