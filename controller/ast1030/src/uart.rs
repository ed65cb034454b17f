// SPDX-License-Identifier: BSD-2-Clause
//! A UART, which is a 16550 with its registers 4 bytes apart.

use crate::registers::Registers;

const DATA: usize = 0x00;
const INTERRUPT_ENABLE: usize = 0x04;
const FIFO_CONTROL: usize = 0x08;
const LINE_CONTROL: usize = 0x0c;
const LINE_STATUS: usize = 0x14;

/// Received data are available: in the status, and as the interrupt's enable.
const RECEIVED: u32 = 1 << 0;
/// The transmitter takes a byte.
const EMPTY: u32 = 1 << 5;
/// The transmitter has sent all.
const DRAINED: u32 = 1 << 6;
/// Interrupt when the transmitter takes a byte.
const CAN_SEND: u32 = 1 << 1;
/// Eight bits, no parity, one stop bit.
const FORMAT: u32 = 3;
/// FIFOs on, and cleared.
const FIFOS: u32 = 7;

/// A UART.
#[derive(Debug)]
pub struct Uart(Registers);

impl Uart {
    pub(crate) fn new(registers: Registers) -> Self {
        registers.write(LINE_CONTROL, FORMAT);
        registers.write(FIFO_CONTROL, FIFOS);
        Self(registers)
    }

    /// Has the interrupt pending while received bytes wait, and, if bytes wait to be sent, when one can be.
    pub fn announce(&mut self, sends: bool) {
        let sends = if sends { CAN_SEND } else { 0 };
        self.0.write(INTERRUPT_ENABLE, RECEIVED | sends);
    }

    /// Whether all that was sent is on the line.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.0.read(LINE_STATUS) & DRAINED != 0
    }

    /// The next byte that was received.
    pub fn receive(&mut self) -> Option<u8> {
        let waits = self.0.read(LINE_STATUS) & RECEIVED != 0;
        waits.then(|| self.0.read(DATA) as u8)
    }

    /// Whether a byte can be sent.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.0.read(LINE_STATUS) & EMPTY != 0
    }

    /// Sends a byte; lost if none can be sent ([`Uart::is_free`]).
    pub fn send(&mut self, byte: u8) {
        self.0.write(DATA, byte.into());
    }
}
