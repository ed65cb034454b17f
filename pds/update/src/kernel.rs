// SPDX-License-Identifier: BSD-2-Clause
//! The supervisor's trait [`Kernel`] on seL4: one invocation for each operation.

use core::sync::atomic::AtomicU64;

use molt_clock::{Frequency, Ticks};
use molt_shared::Mmio;
use molt_supervisor::{Attributes, Error, Kernel, Result, Rights, Slot, Space, Thread};
use molt_system::cspace::{CHILD_TCB, VSPACE};
use molt_system::{Authority, UpdateComponent, VaultSlot};
use sel4::{CapRights, VmAttributes, cap, cap_type};
use sel4_extra::SchedContextExt;
use sel4_microkit::{Channel, MessageInfo, set_mr};

use crate::io;
use crate::vault::{self, capability};

/// Label of the timer's call.
const SET: u64 = 1;

/// The kernel.
pub struct Sel4 {
    authority: &'static Authority,
}

impl Sel4 {
    pub fn new(authority: &'static Authority) -> Self {
        Self { authority }
    }
}

impl Kernel<'static> for Sel4 {
    fn copy(&self, to: Slot, from: VaultSlot, rights: Rights) -> Result {
        let to = vault::slot(to);
        to.copy(&vault::place(from), cap_rights(rights))
            .map_err(error)
    }

    fn mint(&self, to: VaultSlot, from: VaultSlot, rights: Rights, badge: u64) -> Result {
        let to = vault::place(to);
        to.mint(&vault::place(from), cap_rights(rights), badge)
            .map_err(error)
    }

    fn relocate(&self, to: Slot, from: Slot) -> Result {
        vault::slot(to).move_(&vault::slot(from)).map_err(error)
    }

    fn revoke(&self, original: VaultSlot) -> Result {
        vault::place(original).revoke().map_err(error)
    }

    fn delete(&self, slot: VaultSlot) -> Result {
        vault::place(slot).delete().map_err(error)
    }

    fn map(
        &self,
        frame: VaultSlot,
        space: Space,
        vaddr: u64,
        rights: Rights,
        attributes: Attributes,
    ) -> Result {
        let vspace = match space {
            Space::Own => sel4::Cap::from_bits(VSPACE),
            Space::Vault(slot) => capability(slot),
        };
        let attributes = match attributes {
            Attributes::Normal => sel4_extra::normal(false),
            Attributes::Device => sel4_extra::device(),
            Attributes::Planned(bits) => VmAttributes::from_inner(bits.into()),
        };
        capability::<cap_type::Granule>(frame)
            .frame_map(vspace, vaddr as usize, cap_rights(rights), attributes)
            .map_err(error)
    }

    fn map_io(&self, frame: VaultSlot, space: VaultSlot, address: u64, rights: Rights) -> Result {
        io::map(frame, space, address, cap_rights(rights)).map_err(error)
    }

    fn map_io_table(&self, table: VaultSlot, space: VaultSlot, address: u64) -> Result {
        io::map_table(table, space, address).map_err(error)
    }

    fn unmap_io_table(&self, table: VaultSlot) -> Result {
        io::unmap_table(table).map_err(error)
    }

    fn bind_irq(&self, handler: VaultSlot, notification: VaultSlot) -> Result {
        let handler: cap::IrqHandler = capability(handler);
        handler
            .irq_handler_set_notification(capability(notification))
            .map_err(error)
    }

    fn clear_irq(&self, handler: VaultSlot) -> Result {
        let handler: cap::IrqHandler = capability(handler);
        handler.irq_handler_clear().map_err(error)
    }

    fn configure_time(&self, plan: &UpdateComponent) -> Result {
        capability::<cap_type::SchedControl>(self.authority.sched_control)
            .sched_control_configure_flags(
                capability(plan.sc),
                plan.budget_us,
                plan.period_us,
                0,
                0,
                0,
            )
            .map_err(error)
    }

    fn start(&self, plan: &UpdateComponent, tcb: VaultSlot, fault: VaultSlot) -> Result {
        let sc = capability(plan.sc);
        let tcb: cap::Tcb = capability(tcb);
        let authority = capability(self.authority.tcb);
        tcb.tcb_set_sched_params(authority, 0, plan.priority.into(), sc, capability(fault))
            .map_err(error)?;
        tcb.tcb_bind_notification(capability(plan.port))
            .map_err(error)?;
        tcb.tcb_resume().map_err(error)
    }

    fn unbind_port(&self, tcb: VaultSlot) -> Result {
        let tcb: cap::Tcb = capability(tcb);
        tcb.tcb_unbind_notification().map_err(error)
    }

    fn unbind_time(&self, sc: VaultSlot) -> Result {
        let sc: cap::SchedContext = capability(sc);
        sc.unbind().map_err(error)
    }

    fn suspend(&self, of: Thread) -> Result {
        thread(of).tcb_suspend().map_err(error)
    }

    fn resume(&self, of: Thread) -> Result {
        thread(of).tcb_resume().map_err(error)
    }

    fn notify(&self, channel: u32) {
        Channel::new(channel as usize).notify();
    }

    fn yield_now(&self) {
        sel4::r#yield();
    }

    fn consumed(&self, sc: VaultSlot) -> u64 {
        let sc: cap::SchedContext = capability(sc);
        sc.consumed().unwrap_or(0)
    }

    fn mark_begin(&self) {
        molt_clock::mark_begin();
    }

    fn mark_end(&self) {
        molt_clock::mark_end();
    }

    fn now(&self) -> Ticks {
        molt_clock::now()
    }

    fn frequency(&self) -> Frequency {
        Frequency::of_this_machine()
    }

    fn wake_at(&self, channel: u32, at: Ticks) {
        set_mr(0, at.0);
        Channel::new(channel as usize).pp_call(MessageInfo::new(SET, 1));
    }

    fn words(&self, address: u64, size: u64) -> &'static [AtomicU64] {
        molt_brief::words(address, size)
    }

    fn registers(&self, address: u64) -> impl Mmio {
        molt_brief::registers(address, molt_brief::PAGE)
    }

    #[cfg(feature = "probe")]
    fn retype_whole(&self, untyped: VaultSlot, size_bits: u32, to: VaultSlot) -> Result {
        use molt_system::cspace::VAULT_CNODE;
        let whole = sel4::ObjectBlueprint::Untyped {
            size_bits: size_bits as usize,
        };
        let cnode = cap::CNode::from_bits(VAULT_CNODE).absolute_cptr_for_self();
        capability::<cap_type::Untyped>(untyped)
            .untyped_retype(&whole, &cnode, to.0 as usize, 1)
            .map_err(error)
    }

    #[cfg(feature = "probe-old")]
    fn await_fault(&self, child: u32, timer: u32, end: Ticks) -> Option<molt_supervisor::Fault> {
        use molt_system::cspace::{INPUT, REPLY};
        let input: cap::Endpoint = sel4::Cap::from_bits(INPUT);
        let reply: cap::Reply = sel4::Cap::from_bits(REPLY);
        while self.now() < end {
            self.wake_at(timer, end);
            let (message, badge) = input.recv(reply);
            if badge == molt_supervisor::FAULT_BADGE | u64::from(child) {
                return Some(crate::fault::read(&message));
            }
        }
        None
    }
}

fn thread(thread: Thread) -> cap::Tcb {
    match thread {
        Thread::Vault(slot) => capability(slot),
        Thread::Child(child) => sel4::Cap::from_bits(CHILD_TCB + u64::from(child)),
    }
}

fn cap_rights(rights: Rights) -> CapRights {
    let has = |bit: u8| rights.0 & bit != 0;
    CapRights::new(has(8), has(4), has(2), has(1))
}

fn error(error: sel4::Error) -> Error {
    Error(error as u64)
}
