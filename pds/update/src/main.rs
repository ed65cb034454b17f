// SPDX-License-Identifier: BSD-2-Clause
//! The privileged PD `update`, which revokes and grants the drivers' capabilities and supervises the drivers: the crate
//! `molt-supervisor` on seL4.
#![no_std]
#![no_main]

mod fault;
mod io;
mod kernel;
mod vault;

use molt_supervisor::Supervisor;
use molt_system::UpdateBrief;
use sel4_microkit::{ChannelSet, Child, Handler, Infallible, MessageInfo, protection_domain};

use kernel::Sel4;

/// The supervisor, woken by notifications and faults.
struct Update(Supervisor<'static, Sel4>);

#[protection_domain(stack_size = 0x4_0000)]
fn init() -> impl Handler {
    let brief: &UpdateBrief = molt_brief::get();
    let kernel = Sel4::new(&brief.authority);
    match Supervisor::new(kernel, brief) {
        Ok(mut supervisor) => {
            supervisor.start();
            Update(supervisor)
        }
        // The plan does not fit this program. Nothing has been granted yet.
        Err(error) => panic!("set-up: {error:?}"),
    }
}

impl Handler for Update {
    type Error = Infallible;

    fn notified(&mut self, _channels: ChannelSet) -> Result<(), Infallible> {
        self.0.turn();
        Ok(())
    }

    fn fault(
        &mut self,
        child: Child,
        message: MessageInfo,
    ) -> Result<Option<MessageInfo>, Infallible> {
        let fault = fault::read(message.inner());
        let again = self.0.faulted(child.index() as u32, fault);
        Ok(again.then(|| MessageInfo::new(0, 0)))
    }
}
