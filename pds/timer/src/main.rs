// SPDX-License-Identifier: BSD-2-Clause
//! Owns the timer; wakes its clients at the time they asked for.
//!
//! A client calls with label 1 and, in the first message register, the value of CNTPCT at which it wants to
//! be notified on the same channel; 0 cancels. Each client has one time; a new one replaces it. The
//! answer's label is 0, or 1 for a call that is none of this.
#![no_std]
#![no_main]

mod hardware;

use hardware::Hardware;
use molt_clock::{Deadlines, Ticks};
use molt_system::TimerBrief;
use sel4_microkit::{
    Channel, ChannelSet, Handler, Infallible, MessageInfo, get_mr, protection_domain,
};

/// Channels of a Microkit PD.
const CHANNELS: usize = 62;
/// Label of the only call.
const SET: u64 = 1;

struct Timer {
    hardware: Hardware,
    irq: Channel,
    deadlines: Deadlines<CHANNELS>,
}

#[protection_domain(stack_size = 0x4000)]
fn init() -> impl Handler {
    let brief: &TimerBrief = molt_brief::get();
    Timer {
        hardware: Hardware::start(brief),
        irq: Channel::new(brief.irq as usize),
        deadlines: Deadlines::new(),
    }
}

impl Timer {
    /// Tells those whose time has come, and sets the timer for the next one. A time that comes
    /// meanwhile raises the interrupt at once: the timer compares, it does not wait for equality.
    fn serve(&mut self) {
        let now = molt_clock::now();
        while let Some(client) = self.deadlines.expired(now) {
            Channel::new(client).notify();
        }
        match self.deadlines.next() {
            Some(at) => self.hardware.set(at),
            None => self.hardware.stop(),
        }
    }
}

impl Handler for Timer {
    type Error = Infallible;

    fn notified(&mut self, _channels: ChannelSet) -> Result<(), Infallible> {
        self.serve();
        // Level-triggered: the line is low by now, or high for the next deadline and pending again.
        // An error means that there was no interrupt to acknowledge.
        let _ = self.irq.irq_ack();
        Ok(())
    }

    fn protected(
        &mut self,
        channel: Channel,
        message: MessageInfo,
    ) -> Result<MessageInfo, Infallible> {
        if message.label() != SET || message.count() == 0 {
            return Ok(MessageInfo::new(1, 0));
        }
        let at = get_mr(0);
        self.deadlines
            .set(channel.index(), (at != 0).then_some(Ticks(at)));
        self.serve();
        Ok(MessageInfo::new(0, 0))
    }
}
