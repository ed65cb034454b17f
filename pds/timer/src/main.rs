// SPDX-License-Identifier: BSD-2-Clause
//! Owns the timer, and notifies its clients at the times that they have set.
//!
//! A client calls this PD (a protected procedure) with label 1 and, in the first message register, the value of the counter
//! (`molt_clock::now`) at which it wants to be notified on the same channel; 0 cancels. Each client has one time; a new one
//! replaces it. The label of the answer is 0, or 1 for any other call.
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
    /// Notifies the clients whose time has come, and sets the timer for the next one. If that time passes
    /// meanwhile, the interrupt comes at once: the timer fires at any value that is not below the one set.
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
        // The interrupt is level-triggered: by now the line is low, or high again for the next deadline.
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
