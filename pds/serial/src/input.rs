// SPDX-License-Identifier: BSD-2-Clause
//! What is typed: taken out of the UART as far as whoever is to get it has room.

use molt_clock::Frequency;
use molt_system::{NONE, SerialBrief};
use molt_terminal::{Intake, Multiplexer, PAUSE_NS, Typed};
use molt_trace::ring::Writer;
use molt_uart::Uart;
use sel4_microkit::{Channel, ChannelSet, MessageInfo, set_mr};

use crate::registers::UartRegisters;

/// Bytes that are dropped before a pause: what a UART's FIFO holds.
const SPILLED: usize = 64;
/// Label of the timer's only procedure: wake the caller when the counter reaches MR0, or never for 0.
const SET_TIMER: u64 = 1;

/// The way from the port to those who read.
pub struct Input {
    operator: Option<(Writer<'static>, Channel)>,
    timer: Option<Channel>,
    interrupt: Channel,
    /// The interrupt has come and was not acknowledged yet.
    pending: bool,
}

impl Input {
    /// The brief's; `None`: nobody reads what is typed, or it is not noticed.
    pub fn of(brief: &SerialBrief, consoles: bool) -> Option<Self> {
        let operator = &brief.operator;
        let commands = operator.vaddr != 0;
        let channel = |id: u32| (id != NONE).then(|| Channel::new(id as usize));
        let interrupt = channel(brief.irq).filter(|_| commands || consoles)?;
        Some(Self {
            operator: commands.then(|| {
                let ring = Writer::new(molt_brief::words(operator.vaddr, operator.size));
                (ring, Channel::new(operator.channel as usize))
            }),
            timer: channel(brief.timer_channel),
            interrupt,
            pending: false,
        })
    }

    /// Passes on what was received, if there is room for it.
    pub fn listen<const N: usize>(
        &mut self,
        channels: ChannelSet,
        uart: &Uart<UartRegisters>,
        consoles: &mut Multiplexer<'static, N>,
        vmms: &[Channel],
    ) {
        if channels.contains(self.interrupt) {
            self.pending = true;
            // What comes from here on raises it again, so all that is there has to be taken before it is acknowledged.
            uart.heard();
        }
        if !self.pending {
            return;
        }
        let mut out = |piece: &[u8]| piece.iter().for_each(|byte| uart.put(*byte));
        // A bit for each console.
        let (mut put, mut commands) = (0_u64, false);
        let mut left = SPILLED;
        let ended = loop {
            match self.intake(consoles, &mut out) {
                Intake::Open => {}
                Intake::Closed(at) => {
                    self.wake_up(at);
                    break false;
                }
                Intake::Spilling if left == 0 && self.timer.is_some() => {
                    self.wake_up(now_ns().saturating_add(PAUSE_NS));
                    break false;
                }
                Intake::Spilling => left = left.saturating_sub(1),
            }
            let Some(byte) = uart.take() else {
                break true;
            };
            match consoles.typed(byte, &mut out) {
                Typed::Taken => {}
                Typed::Put(n) => put |= 1 << n,
                Typed::Unattached(byte) => {
                    if let Some((ring, _)) = &mut self.operator {
                        // There is room. A byte that is no ASCII makes its line a bad one all the same.
                        let byte = if byte.is_ascii() { byte } else { 0x7f };
                        commands |= ring.put(&[byte]) == 1;
                    }
                }
            }
        };
        for (n, vmm) in vmms.iter().enumerate() {
            if put & 1 << n != 0 {
                vmm.notify();
            }
        }
        if let Some((_, update)) = self.operator.as_ref().filter(|_| commands) {
            update.notify();
        }
        if ended {
            self.pending = false;
            // It fails only if there is no such interrupt.
            let _ = self.interrupt.irq_ack();
        }
    }

    /// Whether another byte can be taken.
    fn intake<const N: usize>(
        &self,
        consoles: &mut Multiplexer<'static, N>,
        out: &mut impl FnMut(&[u8]),
    ) -> Intake {
        if consoles.is_unattached() {
            return match &self.operator {
                Some((ring, _)) if ring.free() > 0 => Intake::Open,
                // `update` takes a line in a while, and prints its answer.
                Some(_) if self.timer.is_none() => Intake::Closed(0),
                Some(_) => Intake::Closed(now_ns().saturating_add(PAUSE_NS)),
                None => Intake::Spilling,
            };
        }
        match consoles.intake(now_ns(), out) {
            // Nobody would say when to look again, and there has to be a way to another console.
            Intake::Closed(_) if self.timer.is_none() => Intake::Spilling,
            intake => intake,
        }
    }

    /// Has the timer notify at this time.
    fn wake_up(&self, at_ns: u64) {
        if let Some(timer) = self.timer {
            set_mr(0, Frequency::of_this_machine().ticks(at_ns).0);
            timer.pp_call(MessageInfo::new(SET_TIMER, 1));
        }
    }
}

fn now_ns() -> u64 {
    Frequency::of_this_machine().ns(molt_clock::now())
}
