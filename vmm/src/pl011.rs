// SPDX-License-Identifier: BSD-2-Clause
//! PL011 UART (Arm DDI 0183, r1p5): what Linux' earlycon and ttyAMA0 need.
//!
//! The transmit FIFO is the ring to `serial`: it is empty as long as that has room, and full when it has none. The receive FIFO is
//! filled from what is typed whenever the guest has made room. A byte that has not been followed by another one for 32 bit
//! periods raises the time-out interrupt on a wire; here those are over at once. Not modelled: loopback, DMA, modem interrupts and
//! errors of the line.

use heapless::Deque;
use molt_terminal::Terminal;

use crate::bus::{Device, World};
use crate::syndrome::Width;

/// Size of the register frame.
pub const SIZE: u64 = 0x1000;

const DR: u64 = 0x000;
const FR: u64 = 0x018;
const LCR_H: u64 = 0x02c;
const CR: u64 = 0x030;
const IFLS: u64 = 0x034;
const IMSC: u64 = 0x038;
const RIS: u64 = 0x03c;
const MIS: u64 = 0x040;
const ICR: u64 = 0x044;
/// Registers that only keep what is written: ILPR, IBRD, FBRD, LCR_H, CR, IFLS. And what is in them after a reset (table 3-1).
const PLAIN: [u64; 6] = [0x020, 0x024, 0x028, LCR_H, CR, IFLS];
const RESET: [u32; PLAIN.len()] = [0, 0, 0, 0, 0x300, 0x12];

/// UARTFR: the transmit FIFO is empty, full; the receive FIFO is full, empty; the other end is there (DCD, DSR, CTS).
const TXFE: u32 = 1 << 7;
const RXFF: u32 = 1 << 6;
const TXFF: u32 = 1 << 5;
const RXFE: u32 = 1 << 4;
const CONNECTED: u32 = 0b111;
/// UARTLCR_H: the FIFOs are on.
const FEN: u32 = 1 << 4;
/// UARTCR: the UART is on, and its receiver.
const UARTEN: u32 = 1 << 0;
const RXE: u32 = 1 << 9;
/// Interrupts: receive, transmit, receive time-out.
const RECEIVE: u32 = 1 << 4;
const TRANSMIT: u32 = 1 << 5;
const TIMEOUT: u32 = 1 << 6;

/// Bytes of a FIFO of this revision.
const FIFO: usize = 32;

/// UARTPeriphID0..3 (revision 3) and UARTPCellID0..3.
const IDENTIFICATION: [u8; 8] = [0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1];

/// The console.
pub struct Pl011<'a> {
    terminal: Terminal<'a>,
    plain: [u32; PLAIN.len()],
    mask: u32,
    raw: u32,
    received: Deque<u8, FIFO>,
    /// The transmit interrupt comes when there is room.
    full: bool,
    /// `serial` waits for room that there is now.
    tell: bool,
}

impl<'a> Pl011<'a> {
    /// The UART at the end of which this console is.
    #[must_use]
    pub const fn new(terminal: Terminal<'a>) -> Self {
        Self {
            terminal,
            plain: RESET,
            mask: 0,
            raw: 0,
            received: Deque::new(),
            full: false,
            tell: false,
        }
    }
}

impl Device for Pl011<'_> {
    fn size(&self) -> u64 {
        SIZE
    }

    fn read(&mut self, offset: u64, _: Width) -> u64 {
        u64::from(match offset {
            DR => self.next(),
            FR => self.flags(),
            IMSC => self.mask,
            RIS => self.raw,
            MIS => self.raw & self.mask,
            0xfe0.. => {
                let n = (offset - 0xfe0) as usize / 4;
                IDENTIFICATION.get(n).copied().unwrap_or(0).into()
            }
            _ => self.plain(offset),
        })
    }

    fn after_read(&mut self, world: &mut World<'_>) {
        if core::mem::take(&mut self.tell) {
            world.platform.notify_serial();
        }
    }

    fn write(&mut self, offset: u64, _: Width, value: u64, world: &mut World<'_>) {
        if self.store(offset, value as u32) {
            world.platform.notify_serial();
        }
        self.after_read(world);
    }

    fn interrupt(&self) -> bool {
        self.raw & self.mask != 0
    }

    fn poll(&mut self, world: &mut World<'_>) {
        if self.full && !self.terminal.is_full() {
            self.full = false;
            self.raw |= TRANSMIT;
        }
        self.receive();
        self.after_read(world);
    }

    fn end(&mut self, world: &mut World<'_>) {
        if self.terminal.end() {
            world.platform.notify_serial();
        }
    }

    fn reset(&mut self, world: &mut World<'_>) {
        self.end(world);
        if self.terminal.drop_input() {
            world.platform.notify_serial();
        }
        (self.plain, self.mask, self.raw) = (RESET, 0, 0);
        self.received.clear();
        (self.full, self.tell) = (false, false);
    }
}

impl Pl011<'_> {
    fn plain(&self, offset: u64) -> u32 {
        let plain = PLAIN.iter().position(|plain| *plain == offset);
        plain.and_then(|n| self.plain.get(n)).copied().unwrap_or(0)
    }

    /// Bytes that the receive FIFO holds as it is set.
    fn depth(&self) -> usize {
        match self.plain(LCR_H) & FEN {
            0 => 1,
            _ => FIFO,
        }
    }

    /// Bytes from which on it raises the receive interrupt: UARTIFLS, RXIFLSEL (3.3.9).
    fn level(&self) -> usize {
        match (self.depth(), self.plain(IFLS) >> 3 & 7) {
            (1, _) => 1,
            (depth, 0) => depth / 8,
            (depth, 1) => depth / 4,
            (depth, 2) => depth / 2,
            (depth, 3) => depth * 3 / 4,
            (depth, _) => depth * 7 / 8,
        }
    }

    fn flags(&mut self) -> u32 {
        let transmit = match self.terminal.is_full() {
            true => TXFF,
            false => TXFE,
        };
        let receive = match self.received.len() {
            0 => RXFE,
            count if count >= self.depth() => RXFF,
            _ => 0,
        };
        CONNECTED | transmit | receive
    }

    /// Fills the receive FIFO.
    fn receive(&mut self) {
        let on = UARTEN | RXE;
        if self.plain(CR) & on != on || !self.terminal.has_input() {
            return;
        }
        let mut bytes = [0; FIFO];
        let room = self.depth().saturating_sub(self.received.len());
        let room = bytes.get_mut(..room).unwrap_or_default();
        let (count, tell) = self.terminal.read(room);
        self.tell |= tell;
        for byte in bytes.iter().take(count) {
            // There is room.
            let _ = self.received.push_back(*byte);
        }
        if count > 0 {
            self.raw |= TIMEOUT;
            if self.received.len() >= self.level() {
                self.raw |= RECEIVE;
            }
        }
    }

    /// UARTDR is read. Without a byte it reads as 0.
    fn next(&mut self) -> u32 {
        let byte = self.received.pop_front();
        self.receive();
        if self.received.len() < self.level() {
            self.raw &= !RECEIVE;
        }
        if self.received.is_empty() {
            self.raw &= !TIMEOUT;
        }
        byte.map_or(0, u32::from)
    }

    /// Writes a register. Returns whether `serial` is to be notified.
    fn store(&mut self, offset: u64, value: u32) -> bool {
        let mut tell = false;
        match offset {
            DR => {
                // What is written into a full FIFO is lost (3.3.1).
                tell = self.terminal.write(&[value as u8]).1;
                // The FIFO empties at once: the interrupt says that it has passed its threshold.
                self.full = self.terminal.is_full();
                if !self.full {
                    self.raw |= TRANSMIT;
                }
            }
            IMSC => {
                self.mask = value & 0x7ff;
                // What has not been read is there for longer than the time-out.
                if !self.received.is_empty() {
                    self.raw |= TIMEOUT;
                }
            }
            ICR => self.raw &= !value,
            _ => {
                if let Some(plain) = PLAIN.iter().position(|plain| *plain == offset)
                    && let Some(register) = self.plain.get_mut(plain)
                {
                    *register = value;
                }
                // Without FIFOs one byte is held. What is in them is lost when they are turned off (3.3.7).
                while self.received.len() > self.depth() {
                    self.received.pop_front();
                }
            }
        }
        self.receive();
        tell
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use core::sync::atomic::AtomicU64;
    use molt_trace::ring::{Reader, Writer};
    use proptest::prelude::*;
    use std::vec::Vec;

    fn words(count: usize) -> &'static [AtomicU64] {
        let words = (0..count).map(|_| AtomicU64::new(0));
        words.collect::<Vec<_>>().leak()
    }

    /// The UART with rings of so many bytes, and `serial`'s ends.
    fn uart(output: usize, input: usize) -> (Pl011<'static>, Reader<'static>, Writer<'static>) {
        let (output, input) = (words(8 + output / 8), words(8 + input / 8));
        let uart = Pl011::new(Terminal::new(output, input));
        (uart, Reader::new(output), Writer::new(input))
    }

    fn started() -> (Pl011<'static>, Reader<'static>, Writer<'static>) {
        let mut all = uart(64, 64);
        // As Linux does: FIFOs on, receive at a half, all on.
        for (offset, value) in [
            (LCR_H, 0x70),
            (IFLS, 0x12),
            (CR, 0x301),
            (IMSC, RECEIVE | TIMEOUT),
        ] {
            all.0.store(offset, value);
        }
        all
    }

    fn flags(uart: &mut Pl011) -> u32 {
        uart.read(FR, Width::Word) as u32 & !CONNECTED
    }

    #[test]
    fn the_transmit_interrupt_follows_a_byte_and_is_cleared() {
        let (mut uart, ..) = started();
        uart.store(IMSC, TRANSMIT);
        assert!(!uart.interrupt());
        uart.store(DR, b'a'.into());
        assert!(uart.interrupt());
        uart.store(ICR, TRANSMIT);
        assert!(!uart.interrupt());
    }

    #[test]
    fn a_full_ring_is_a_full_fifo() {
        let (mut uart, mut serial, _) = started();
        uart.store(IMSC, TRANSMIT);
        for byte in 0..64 {
            assert_eq!(flags(&mut uart), TXFE | RXFE);
            uart.store(ICR, TRANSMIT);
            uart.store(DR, byte);
        }
        assert_eq!(flags(&mut uart), TXFF | RXFE);
        assert!(!uart.interrupt(), "there is no room");
        assert!(serial.is_awaited());
        assert_eq!(serial.take(&mut [0; 1]), 1);
        crate::pl011::tests::poll(&mut uart);
        assert!(uart.interrupt());
        assert_eq!(flags(&mut uart), TXFE | RXFE);
    }

    /// What [`Device::poll`] does without a world.
    fn poll(uart: &mut Pl011) {
        if uart.full && !uart.terminal.is_full() {
            uart.full = false;
            uart.raw |= TRANSMIT;
        }
        uart.receive();
    }

    #[test]
    fn what_is_typed_is_received_with_the_interrupts_of_the_manual() {
        let (mut uart, _, mut serial) = started();
        assert_eq!(serial.put(b"ab"), 2);
        poll(&mut uart);
        assert_eq!(
            uart.read(MIS, Width::Word) as u32,
            TIMEOUT,
            "below the level"
        );
        assert_eq!(flags(&mut uart), TXFE);
        assert_eq!(uart.read(DR, Width::Word), u64::from(b'a'));
        assert!(uart.interrupt());
        assert_eq!(uart.read(DR, Width::Word), u64::from(b'b'));
        assert!(!uart.interrupt(), "the FIFO is empty");
        assert_eq!(
            (uart.read(DR, Width::Word), flags(&mut uart)),
            (0, TXFE | RXFE)
        );
        // Up to the level, and full.
        assert_eq!(serial.put(&[b'x'; 16]), 16);
        poll(&mut uart);
        assert_eq!(uart.read(MIS, Width::Word) as u32, RECEIVE | TIMEOUT);
        uart.read(DR, Width::Word);
        assert_eq!(
            uart.read(MIS, Width::Word) as u32,
            TIMEOUT,
            "below it again"
        );
        assert_eq!(serial.put(&[b'y'; 64]), 64);
        poll(&mut uart);
        assert_eq!(flags(&mut uart), TXFE | RXFF);
        // Cleared, it comes with the next byte.
        uart.store(ICR, RECEIVE | TIMEOUT);
        assert!(!uart.interrupt());
        uart.read(DR, Width::Word);
        assert!(uart.interrupt());
    }

    #[test]
    fn a_receiver_that_is_off_leaves_what_is_typed() {
        let (mut uart, _, mut serial) = uart(64, 64);
        assert_eq!(serial.put(b"abc"), 3);
        poll(&mut uart);
        assert_eq!(flags(&mut uart), TXFE | RXFE, "the UART is off");
        uart.store(CR, UARTEN | RXE);
        assert_eq!(flags(&mut uart), TXFE | RXFF, "one byte without FIFOs");
        assert_eq!(uart.read(DR, Width::Word), u64::from(b'a'));
        uart.store(LCR_H, FEN);
        assert_eq!(uart.read(DR, Width::Word), u64::from(b'b'));
        assert_eq!(uart.read(DR, Width::Word), u64::from(b'c'));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Read(u64),
        Write(u64, u32),
        Type(usize),
        Take(usize),
        Poll,
    }

    fn step() -> impl Strategy<Value = Step> {
        let register = prop_oneof![
            4 => prop::sample::select(std::vec![DR, FR, LCR_H, CR, IFLS, IMSC, RIS, MIS, ICR]),
            1 => 0..SIZE,
        ];
        prop_oneof![
            4 => register.clone().prop_map(Step::Read),
            3 => (register, any::<u32>()).prop_map(|(register, value)| Step::Write(register, value)),
            1 => (0..50_usize).prop_map(Step::Type),
            1 => (0..50_usize).prop_map(Step::Take),
            1 => Just(Step::Poll),
        ]
    }

    proptest! {
        /// Whatever a guest does: it reads what was typed in its order, the flags are those of the FIFO, and what it has written while
        /// there was room is printed.
        #[test]
        fn any_guest(steps in prop::collection::vec(step(), 0..300)) {
            let (mut uart, mut printed, mut typed) = uart(64, 64);
            let (mut count, mut next) = (0_u8, 0_u8);
            let mut expected = Vec::new();
            let mut got = Vec::new();
            for step in steps {
                match step {
                    Step::Read(DR) => {
                        let there = uart.received.len();
                        let byte = uart.read(DR, Width::Word) as u8;
                        if there > 0 {
                            // Turning the FIFOs off loses what was in them.
                            prop_assert!(byte.wrapping_sub(next) < 128);
                            next = byte.wrapping_add(1);
                        } else {
                            prop_assert_eq!(byte, 0);
                        }
                    }
                    Step::Read(register) => {
                        uart.read(register, Width::Word);
                    }
                    Step::Write(DR, value) => {
                        if flags(&mut uart) & TXFF == 0 {
                            expected.push(value as u8);
                        }
                        uart.store(DR, value);
                    }
                    Step::Write(register, value) => {
                        uart.store(register, value);
                    }
                    Step::Type(some) => {
                        let bytes: Vec<u8> = (0..some).map(|n| count.wrapping_add(n as u8)).collect();
                        count = count.wrapping_add(typed.put(&bytes) as u8);
                    }
                    Step::Take(some) => {
                        let mut room = std::vec![0; some];
                        let taken = printed.take(&mut room);
                        got.extend_from_slice(&room[..taken]);
                    }
                    Step::Poll => poll(&mut uart),
                }
                let held = uart.received.len();
                prop_assert!(held <= uart.depth());
                let flags = flags(&mut uart);
                prop_assert_eq!(flags & RXFE != 0, held == 0);
                prop_assert_eq!(flags & RXFF != 0, held == uart.depth());
                prop_assert!(held > 0 || uart.raw & TIMEOUT == 0);
            }
            let mut room = [0; 64];
            let taken = printed.take(&mut room);
            got.extend_from_slice(&room[..taken]);
            prop_assert_eq!(got, expected);
        }
    }
}
