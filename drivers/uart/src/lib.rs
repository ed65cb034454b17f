// SPDX-License-Identifier: BSD-2-Clause
//! Polled output on a board's UART, for consoles, and input with an interrupt.
//!
//! For this purpose the UARTs differ only in where the data and status registers are, and in which bit says that the FIFO is
//! full. Speed and format of the line are left as the machine's firmware set them.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

use core::fmt;
use core::str::FromStr;

use molt_shared::Mmio;

/// Bytes of its registers that are used.
pub const REGISTERS: usize = 0x1000;

/// Which UART.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// Arm PrimeCell PL011 (Arm DDI 0183).
    Pl011 = 1,
    /// Cadence UART of Zynq devices (AMD UG1085, chapter 21; registers in UG1087).
    Cadence = 2,
    /// 16550, as PCs have it at I/O ports (its registers are of 8 bits, side by side).
    Ns16550 = 3,
}

/// No UART of this name or number is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown;

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a known UART: 'pl011', 'cadence' or 'ns16550'")
    }
}

impl core::error::Error for Unknown {}

impl TryFrom<u32> for Kind {
    type Error = Unknown;

    fn try_from(number: u32) -> Result<Self, Unknown> {
        match number {
            1 => Ok(Self::Pl011),
            2 => Ok(Self::Cadence),
            3 => Ok(Self::Ns16550),
            _ => Err(Unknown),
        }
    }
}

impl FromStr for Kind {
    type Err = Unknown;

    fn from_str(name: &str) -> Result<Self, Unknown> {
        match name {
            "pl011" => Ok(Self::Pl011),
            "cadence" => Ok(Self::Cadence),
            "ns16550" => Ok(Self::Ns16550),
            _ => Err(Unknown),
        }
    }
}

/// The registers that are used, as byte offsets from the first one.
struct Layout {
    data: usize,
    status: usize,
    /// Of the status bits `mask`, these say that the transmitter takes no more.
    mask: u32,
    full: u32,
    control: usize,
    /// Transmitter and receiver on.
    on: u32,
    /// Of the status bits in the first number, these say that the receive FIFO is empty.
    empty: (u32, u32),
    /// Where interrupts are enabled, and where they are cleared.
    enable: usize,
    clear: usize,
    /// The interrupts that say that something was received.
    received: u32,
    /// A register and its value: the interrupt comes with the first byte.
    level: (usize, u32),
}

impl Kind {
    const fn layout(self) -> Layout {
        match self {
            // UARTDR, UARTFR.TXFF, UARTCR: UARTEN, TXE, RXE (3.3.1, 3.3.3, 3.3.8).
            Self::Pl011 => Layout {
                data: 0x00,
                status: 0x18,
                mask: 1 << 5,
                full: 1 << 5,
                control: 0x30,
                on: 0x301,
                // UARTFR.RXFE; UARTIMSC, UARTICR: RXIM and RTIM (3.3.10, 3.3.13). UARTIFLS: one eighth (3.3.9); what is less
                // is reported by the time-out.
                empty: (1 << 4, 1 << 4),
                enable: 0x38,
                clear: 0x44,
                received: 1 << 4 | 1 << 6,
                level: (0x34, 0),
            },
            // FIFO, Channel_sts.TFUL, Control: TXEN, RXEN.
            Self::Cadence => Layout {
                data: 0x30,
                status: 0x2c,
                mask: 1 << 4,
                full: 1 << 4,
                control: 0x00,
                on: 0x14,
                // Channel_sts.REMPTY; Intrpt_en and Chnl_int_sts: RTRIG; Rcvr_FIFO_trigger_level: one byte.
                empty: (1 << 1, 1 << 1),
                enable: 0x08,
                clear: 0x14,
                received: 1 << 0,
                level: (0x20, 1),
            },
            // THR, LSR: bit 5 is 0 while there is something to be sent; MCR: DTR, RTS (TI PC16550D, 8.6).
            Self::Ns16550 => Layout {
                data: 0,
                status: 5,
                mask: 1 << 5,
                full: 0,
                control: 4,
                on: 3,
                // LSR bit 0: something was received; IER: ERBFI. FCR: the FIFO is on, with an interrupt for each byte; taking the
                // bytes clears it.
                empty: (1, 0),
                enable: 1,
                clear: 2,
                received: 1,
                level: (2, 1),
            },
        }
    }
}

/// A UART to write to.
#[derive(Debug)]
pub struct Uart<R> {
    registers: R,
    kind: Kind,
}

impl<R: Mmio> Uart<R> {
    /// A UART, which has to be switched on before it is written to.
    pub const fn new(kind: Kind, registers: R) -> Self {
        Self { registers, kind }
    }

    /// Switches it on. (A machine that was reset and has no firmware, as QEMU's, may have it off.)
    pub fn enable(&self) {
        let layout = self.kind.layout();
        self.registers.write(layout.control, layout.on);
    }

    /// Has an interrupt come when something is received.
    pub fn listen(&self) {
        let layout = self.kind.layout();
        let (level, value) = layout.level;
        self.registers.write(level, value);
        self.registers.write(layout.clear, layout.received);
        self.registers.write(layout.enable, layout.received);
    }

    /// The next byte that was received, if there is one.
    pub fn take(&self) -> Option<u8> {
        let layout = self.kind.layout();
        let (mask, none) = layout.empty;
        let empty = self.registers.read(layout.status) & mask == none;
        (!empty).then(|| self.registers.read(layout.data) as u8)
    }

    /// Clears the interrupt. What is received from here on raises it again; what was received before has to be taken.
    pub fn heard(&self) {
        let layout = self.kind.layout();
        self.registers.write(layout.clear, layout.received);
    }

    /// Writes a byte. A full FIFO is waited for: it empties by itself.
    pub fn put(&self, byte: u8) {
        let layout = self.kind.layout();
        while self.registers.read(layout.status) & layout.mask == layout.full {
            core::hint::spin_loop();
        }
        self.registers.write(layout.data, byte.into());
    }
}

impl<R: Mmio> fmt::Write for Uart<R> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| self.put(byte));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};

    /// Is full for two reads after each byte.
    struct Fake {
        kind: Kind,
        full: Cell<u32>,
        on: Cell<bool>,
        out: RefCell<Vec<u8>>,
    }

    impl Mmio for Fake {
        fn read(&self, offset: usize) -> u32 {
            let (status, full) = match self.kind {
                Kind::Pl011 => (0x18, 0x20),
                Kind::Cadence => (0x2c, 0x10),
                Kind::Ns16550 => (5, 0),
            };
            assert_eq!(offset, status);
            let left = self.full.get();
            self.full.set(left.saturating_sub(1));
            match (left > 0, self.kind) {
                (true, _) => full,
                (false, Kind::Ns16550) => 0x20,
                (false, _) => 0,
            }
        }
        fn write(&self, offset: usize, value: u32) {
            match (self.kind, offset) {
                (Kind::Pl011, 0x30) | (Kind::Cadence, 0x00) | (Kind::Ns16550, 4) => {
                    self.on.set(true)
                }
                (Kind::Pl011, 0x00) | (Kind::Cadence, 0x30) | (Kind::Ns16550, 0) => {
                    assert!(self.on.get() && self.full.get() == 0);
                    self.full.set(2);
                    self.out.borrow_mut().push(value as u8);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn each_byte_waits_for_room() {
        use fmt::Write;
        for name in ["pl011", "cadence", "ns16550"] {
            let kind: Kind = name.parse().unwrap();
            assert_eq!(Kind::try_from(kind as u32), Ok(kind));
            let mut uart = Uart::new(
                kind,
                Fake {
                    kind,
                    full: Cell::new(0),
                    on: Cell::new(false),
                    out: RefCell::default(),
                },
            );
            uart.enable();
            write!(uart, "molt").unwrap();
            assert_eq!(*uart.registers.out.borrow(), *b"molt");
        }
        assert_eq!("8250".parse::<Kind>(), Err(Unknown));
    }
}
