// SPDX-License-Identifier: BSD-2-Clause
//! Giving the device to a generation, and taking it away.

use molt_control::Start;
use molt_system::cspace::{INPUT, IRQ};
use molt_system::{Authority, ControlPage, Holder, Region, UpdateBrief, VaultSlot};
use sel4::{CapRights, Error, Result, VmAttributes, cap, cap_type};
use sel4_extra::SchedContextExt;

use crate::books::Books;
use crate::setup::Fixed;
use crate::unit::{Place, Unit};
use crate::vault::{self, capability};

/// Uncached and not executable: device memory.
const DEVICE: u32 = 4;
/// Cached and not executable.
const NORMAL: u32 = 3 | 4;

impl Unit {
    /// Maps everything of the component into the generation and its clients, puts ports and interrupt into its CNode, and
    /// starts it. After an error, what was given is there for [`Self::deny`] to take.
    pub fn grant(
        &mut self,
        brief: &UpdateBrief,
        books: &mut Books,
        fixed: &Fixed,
        generation: u64,
        place: Place,
    ) -> Result<()> {
        self.granted = true;
        self.beat = None;
        self.report.reset();
        self.orders.start(generation, Start::Cold);
        let plan = self.plan;
        self.map_control(books, &plan.orders, place.vspace, CapRights::read_only())?;
        self.map_control(books, &plan.report, place.vspace, CapRights::read_write())?;
        for region in regions(brief, self) {
            self.map_region(books, region, place.vspace)?;
        }
        for device in plan.devices() {
            for n in 0..device.count {
                let vaddr = device.driver_vaddr + (u64::from(n) << device.page_bits);
                let rights = CapRights::read_write();
                self.map(
                    books,
                    device.first.after(n),
                    place.vspace,
                    vaddr,
                    rights,
                    DEVICE,
                )?;
            }
        }
        self.equip(fixed, place, generation)?;
        self.start(&brief.authority, fixed, place)
    }

    /// Takes everything from the generation and the clients: nothing of the component is mapped anywhere afterwards.
    ///
    /// Errors are not expected (all operations are on capabilities that only `update` has) and do not stop it: the rest
    /// is taken all the same. The first one is returned.
    pub fn deny(&mut self, brief: &UpdateBrief, books: &mut Books, place: Place) -> Result<()> {
        let plan = self.plan;
        let mut result = Ok(());
        let mut note = |step: Result<()>| {
            if result.is_ok() {
                result = step;
            }
        };
        let tcb: cap::Tcb = capability(place.tcb);
        note(tcb.tcb_suspend());
        note(tcb.tcb_unbind_notification());
        note(capability::<cap_type::SchedContext>(plan.sc).unbind());
        for irq in plan.irqs() {
            // Deleting handlers does not undo the binding: the original is kept, and cleared.
            note(vault::revoke(irq.handler));
            note(capability::<cap_type::IrqHandler>(irq.handler).irq_handler_clear());
        }
        if cfg!(not(feature = "mutant-no-revoke")) {
            for region in regions(brief, self) {
                for n in 0..region.count {
                    note(vault::revoke(region.first.after(n)));
                }
            }
            for device in plan.devices() {
                for n in 0..device.count {
                    note(vault::revoke(device.first.after(n)));
                }
            }
        }
        // The control pages' copies are left; the others' slots are empty already, and deleting nothing is no error.
        while let Some(slot) = self.copies.pop() {
            if cfg!(not(feature = "mutant-no-revoke")) {
                note(vault::place(slot).delete());
                books.give_back(slot);
            }
        }
        self.granted = false;
        result
    }

    fn map_region(&mut self, books: &mut Books, region: &Region, own: VaultSlot) -> Result<()> {
        for mapping in region.mappings() {
            let vspace = match mapping.holder() {
                Holder::Generation => own,
                Holder::Client(_) => mapping.vspace,
            };
            let rights = CapRights::new(
                false,
                false,
                mapping.rights & 2 != 0,
                mapping.rights & 1 != 0,
            );
            for n in 0..region.count {
                let vaddr = mapping.vaddr + (u64::from(n) << region.page_bits);
                let frame = region.first.after(n);
                self.map(
                    books,
                    frame,
                    vspace,
                    vaddr,
                    rights.clone(),
                    mapping.attributes,
                )?;
            }
        }
        Ok(())
    }

    fn map_control(
        &mut self,
        books: &mut Books,
        page: &ControlPage,
        vspace: VaultSlot,
        rights: CapRights,
    ) -> Result<()> {
        self.map(books, page.frame, vspace, page.driver_vaddr, rights, NORMAL)
    }

    /// Maps a new copy of a frame.
    fn map(
        &mut self,
        books: &mut Books,
        frame: VaultSlot,
        vspace: VaultSlot,
        vaddr: u64,
        rights: CapRights,
        attributes: u32,
    ) -> Result<()> {
        let slot = books.take().ok_or(Error::NotEnoughMemory)?;
        if self.copies.push(slot).is_err() {
            books.give_back(slot);
            return Err(Error::NotEnoughMemory);
        }
        vault::copy(slot, frame)?;
        capability::<cap_type::Granule>(slot).frame_map(
            capability(vspace),
            vaddr as usize,
            rights,
            VmAttributes::from_inner(attributes.into()),
        )
    }

    /// Ports and interrupt.
    fn equip(&self, fixed: &Fixed, place: Place, generation: u64) -> Result<()> {
        let input = vault::generation(place.cnode, INPUT);
        input.copy(&vault::place(self.plan.port), CapRights::read_only())?;
        for signal in self.plan.signals() {
            vault::generation(place.cnode, signal.slot.into())
                .copy(&vault::place(signal.capability), CapRights::all())?;
        }
        for (irq, badged) in self.plan.irqs().iter().zip(fixed.irqs(self.index)) {
            let handler: cap::IrqHandler = capability(irq.handler);
            handler.irq_handler_set_notification(capability(*badged))?;
            if cfg!(not(feature = "mutant-no-handler")) || generation == 0 {
                vault::generation(place.cnode, IRQ + u64::from(irq.id))
                    .copy(&vault::place(irq.handler), CapRights::all())?;
            }
        }
        Ok(())
    }

    /// Time, fault endpoint, port: then it runs.
    pub fn start(&self, authority: &Authority, fixed: &Fixed, place: Place) -> Result<()> {
        let plan = self.plan;
        let sc: cap::SchedContext = capability(plan.sc);
        capability::<cap_type::SchedControl>(authority.sched_control)
            .sched_control_configure_flags(sc, plan.budget_us, plan.period_us, 0, 0, 0)?;
        let tcb: cap::Tcb = capability(place.tcb);
        tcb.tcb_set_sched_params(
            capability(authority.tcb),
            0,
            plan.priority.into(),
            sc,
            capability(fixed.fault(self.index)),
        )?;
        tcb.tcb_bind_notification(capability(plan.port))?;
        tcb.tcb_resume()
    }

    /// Reads what the driver's scheduling context has used since the last time, in us.
    pub fn consumed(&self) -> u64 {
        capability::<cap_type::SchedContext>(self.plan.sc)
            .consumed()
            .unwrap_or(0)
    }
}

/// The revocable regions of a component.
pub fn regions<'a>(brief: &'a UpdateBrief, unit: &Unit) -> &'a [Region] {
    let first = unit.plan.first_region as usize;
    let end = first + unit.plan.region_count as usize;
    brief.regions().get(first..end).unwrap_or(&[])
}
