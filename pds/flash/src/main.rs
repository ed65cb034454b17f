// SPDX-License-Identifier: BSD-2-Clause
//! Owns the flash bank. It executes `update`'s commands one after the other: keeps a bundle or a list of keys, appends a record, or delivers the
//! committed bundle of a component for `stage` to verify.
//!
//! Nobody else maps the bank, because a chip that executes a command does not answer with its content. This PD reads
//! `stage`'s bundle slots, and can write to the bank and to the memory in which it delivers; it has no authority over
//! anything that runs. Like `stage` it runs on a small budget below the drivers and VMMs.
#![no_std]
#![no_main]

mod execute;

use molt_cfi_flash::Bank;
use molt_clock::Frequency;
use molt_control::store::{Outcome, Worker};
use molt_doorbell::Reason;
use molt_shared::Registers;
use molt_store::Store;
use molt_system::FlashBrief;
use molt_trace::ring::Writer;
use sel4_microkit::{Channel, ChannelSet, Handler, Infallible, protection_domain};

use execute::{Keeper, open, room};

type Driver = Bank<Registers, fn() -> u64>;

struct Flash {
    brief: &'static FlashBrief,
    /// `None` if there is no flash that can be used.
    store: Option<Store<Driver>>,
    worker: Worker<'static>,
    update: Channel,
}

#[protection_domain(stack_size = 0x1_0000)]
fn init() -> impl Handler {
    let brief: &FlashBrief = molt_brief::get();
    let link = &brief.update;
    let page = |address| molt_brief::words(address, molt_brief::PAGE);
    let store = open(brief, microseconds);
    let mut log = Writer::new(molt_brief::words(brief.log.vaddr, brief.log.size));
    match &store {
        Ok(store) => log.line(format_args!(
            "start {}, {:?}, room for {} records",
            store.start(),
            store.health(),
            store.free()
        )),
        Err(why) => log.line(format_args!("{why}")),
    };
    if brief.log.vaddr != 0 {
        Channel::new(brief.log.channel as usize).notify();
    }
    Flash {
        brief,
        store: store.ok(),
        worker: Worker::new(page(link.commands), page(link.results)),
        update: Channel::new(link.channel as usize),
    }
}

/// The clock in us.
fn microseconds() -> u64 {
    Frequency::of_this_machine().ns(molt_clock::now()) / 1000
}

impl Handler for Flash {
    type Error = Infallible;

    fn notified(&mut self, _channels: ChannelSet) -> Result<(), Infallible> {
        if let Some(command) = self.worker.take() {
            let outcome = match &mut self.store {
                Some(store) => Keeper {
                    brief: self.brief,
                    store,
                    worker: &self.worker,
                }
                .execute(command),
                None => Outcome::Failed(Reason::StoreFailed as u32),
            };
            let room = self.store.as_ref().map_or(Reason::StoreFailed, room);
            self.worker.answer(outcome, room as u32);
            self.update.notify();
        }
        Ok(())
    }
}
