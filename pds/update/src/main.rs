// SPDX-License-Identifier: BSD-2-Clause
//! The privileged PD that denies, revokes, grants and supervises.
//!
//! It carries out what the update machines (`molt-update`) want, one for each component, and tells them what happens. All
//! of it is short steps: whatever wakes it, it looks at everything that may have changed ([`Update::turn`]), and long work
//! is done a slice at a time ([`work`]).
#![no_std]
#![no_main]

mod books;
mod brief;
mod carry_out;
mod client;
mod console;
#[cfg(feature = "probe-dma")]
mod dma;
mod fault;
mod grant;
mod measure;
#[cfg(feature = "probe-old")]
mod old;
mod probe;
mod setup;
mod stage;
mod stop;
mod time;
mod trace;
mod unit;
mod update;
mod vault;
mod work;

use heapless::Vec;
use molt_trace::Event as Trace;
use molt_update::Event;
use sel4_microkit::{ChannelSet, Child, Handler, Infallible, MessageInfo, protection_domain};

use books::Books;
use client::Client;
use console::Console;
use setup::Fixed;
use stage::Stage;
use time::Clock;
use unit::Unit;
use update::Update;
use work::Work;

#[protection_domain(stack_size = 0x4_0000)]
fn init() -> impl Handler {
    let brief = brief::get();
    let components = brief.component_count;
    let authority = &brief.authority;
    let mut books = Books::new(authority.free_first, authority.free_count, components * 2);
    let fixed = match Fixed::new(brief, &mut books) {
        Ok(fixed) => fixed,
        // The plan does not fit this program: nothing was granted to anybody yet.
        Err(error) => panic!("set-up: {error}"),
    };
    let clients: Vec<Client, _> = brief.clients().iter().map(Client::new).collect();
    let units: Vec<Unit, _> = brief
        .components()
        .iter()
        .enumerate()
        .map(|(index, plan)| Unit::new(index, plan, gates(&clients, index)))
        .collect();
    let mut update = Update {
        brief,
        units,
        clients,
        books,
        fixed,
        stage: Stage::new(&brief.stage),
        work: Work::default(),
        clock: Clock::new(brief.timer_channel),
        console: Console::new(&brief.log),
        entropy: molt_clock::now().0,
    };
    update.trace(Trace::Boot {
        components: components.into(),
        clients: brief.client_count.into(),
    });
    for index in 0..update.units.len() {
        update.give(index, Event::Start);
    }
    update.turn();
    update
}

/// The clients that have a gate for a component, as the machine wants them.
fn gates(clients: &[Client], component: usize) -> u8 {
    let with = clients.iter().enumerate().filter(|(_, c)| c.has(component));
    with.fold(0, |bits, (index, _)| bits | 1 << index)
}

impl Handler for Update {
    type Error = Infallible;

    fn notified(&mut self, _channels: ChannelSet) -> Result<(), Infallible> {
        self.turn();
        Ok(())
    }

    fn fault(
        &mut self,
        child: Child,
        message: MessageInfo,
    ) -> Result<Option<MessageInfo>, Infallible> {
        let answer = self.faulted(child, &message);
        self.turn();
        Ok(answer)
    }
}
