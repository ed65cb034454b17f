// SPDX-License-Identifier: BSD-2-Clause
//! A passive PD in Rust among C programs: a client calls it and it calls another server, it is notified and
//! notifies, and it is told of its child's fault.
//!
//! It uses of `sel4-microkit` what upstream's crate has as well. What it prints is in
//! `tests/microkit/rust/expected.txt`: through the UART, since only a debug kernel prints.
#![no_std]
#![no_main]

extern crate alloc;

use molt_shared::Registers;
use molt_uart::{Kind, Uart};
use sel4::Fault;
use sel4_microkit::{
    Channel, ChannelSet, Child, DeferredAction, DeferredActionSlot, Handler, IrqAckError,
    MessageInfo, get_mr, memory_region_symbol, pd_is_passive, pd_name, protection_domain, set_mr,
    var,
};

struct Servant {
    uart: Uart<Registers>,
    adder: Channel,
    client: Channel,
    deferred: DeferredActionSlot,
}

impl Servant {
    /// Prints `<name>: <text> <value>`, as the C programs do.
    fn say(&self, text: &str, value: u64) {
        let name = pd_name().unwrap_or("?");
        let line = alloc::format!("{name}: {text} {value:#x}\n");
        line.bytes().for_each(|byte| self.uart.put(byte));
    }
}

#[protection_domain(stack_size = 0x4000, heap_size = 0x1_0000)]
fn init() -> impl Handler {
    let uart = memory_region_symbol!(uart: *mut u32).addr().get();
    // SAFETY: the description maps the UART's registers there as device memory, for good; it reaches no memory.
    let registers = unsafe { Registers::new(uart, molt_uart::REGISTERS) };
    let servant = Servant {
        uart: Uart::new(Kind::Pl011, registers),
        adder: Channel::new(*var!(adder: usize = 0)),
        client: Channel::new(*var!(client: usize = 0)),
        deferred: DeferredActionSlot::new(),
    };
    servant.say("passive", pd_is_passive().into());
    servant
}

impl Handler for Servant {
    type Error = IrqAckError;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), IrqAckError> {
        for channel in channels.iter() {
            self.say("notified on", channel.index() as u64);
        }
        self.deferred.defer_notify(self.client)
    }

    /// The words go on to the adder as they are; its answer comes back with a word more.
    fn protected(
        &mut self,
        channel: Channel,
        message: MessageInfo,
    ) -> Result<MessageInfo, IrqAckError> {
        self.say("called on", channel.index() as u64);
        self.say("  with label", message.label());
        let answer = self.adder.pp_call(message);
        let words = answer.count();
        self.say("  the sum", get_mr(0));
        set_mr(words, channel.index() as u64);
        Ok(MessageInfo::new(answer.label() + 1, words + 1))
    }

    /// The child stays where it is.
    fn fault(
        &mut self,
        child: Child,
        message: MessageInfo,
    ) -> Result<Option<MessageInfo>, IrqAckError> {
        self.say("fault of child", child.index() as u64);
        match message.fault() {
            Fault::VmFault(fault) => self.say("  at address", fault.addr()),
            _ => self.say("  of another kind", message.label()),
        }
        self.deferred.defer_notify(self.client)?;
        Ok(None)
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        self.deferred.take()
    }
}
