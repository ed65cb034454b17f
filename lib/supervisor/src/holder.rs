// SPDX-License-Identifier: BSD-2-Clause
//! The generation that has the device (the *holder*), and every copy through which it, its clients, or the stop routine can
//! access the component's memory and device.
//!
//! Regions and devices are taken away by revoking the originals, which removes every copy and every mapping made through
//! one. The control pages stay until the arena is cleared: no other generation has them ([`crate::control`]).

use heapless::Vec;
use molt_system::cspace::{INPUT, IRQ};
use molt_system::{
    Holder as Mapper, Region, RegionMapping as Mapping, UpdateComponent, UpdateIrq, VaultSlot,
};

use crate::books::Books;
use crate::control::Control;
use crate::pci;
use crate::ports::Ports;
use crate::{Attributes, Error, Kernel, Result, Rights, Slot, Space};

/// The most copies of originals that one grant makes.
pub const COPIES: usize = molt_system::COPIES as usize;

/// The vault slots with the capabilities of an arena's generation.
#[derive(Clone, Copy)]
pub struct Place {
    /// Its thread.
    pub tcb: VaultSlot,
    /// Its CNode, as `stage` made it: without a guard.
    pub cnode: VaultSlot,
    /// Its VSpace.
    pub vspace: VaultSlot,
}

impl Place {
    /// The place of the generation whose capabilities are in the slots from `first` on.
    pub const fn at(first: VaultSlot) -> Self {
        Self {
            tcb: first,
            cnode: first.after(1),
            vspace: first.after(2),
        }
    }
}

/// Everything that is granted, and taken away by a denial.
#[derive(Clone, Copy)]
pub struct Estate<'m> {
    /// The component.
    pub plan: &'m UpdateComponent,
    /// Its revocable regions.
    pub regions: &'m [Region],
    /// Clients to which nothing is granted, one bit each.
    pub gone: u8,
}

impl<'m> Estate<'m> {
    fn is_gone(self, client: usize) -> bool {
        has(self.gone, client)
    }

    /// The originals of all its memory and devices.
    fn originals(self) -> impl Iterator<Item = VaultSlot> {
        let regions = self.regions.iter().map(|r| (r.first, r.count));
        let devices = self.plan.devices().iter();
        let pci = &self.plan.pci;
        let pages = [&pci.configuration, &pci.messages];
        let devices = devices.chain(pages.into_iter().filter(|_| pci.present != 0));
        regions
            .chain(devices.map(|d| (d.first, d.count)))
            .flat_map(|(first, count)| (0..count).map(move |n| first.after(n)))
    }
}

/// Whether the client's bit is set.
fn has(bits: u8, client: usize) -> bool {
    u32::from(bits).checked_shr(client as u32).unwrap_or(0) & 1 != 0
}

/// The generation that has the device, and the capabilities that were made for it.
#[derive(Default)]
pub struct Holder {
    place: Option<Place>,
    /// Copies of the regions' and devices' originals.
    copies: Vec<VaultSlot, COPIES>,
    granted: bool,
    /// Clients that the grant left out, one bit each.
    left_out: u8,
    /// The generation that was given its control pages and ports already.
    prepared: Option<u64>,
    /// The client that drives the device itself has it.
    passed: bool,
    /// There is memory that clients get when the generation is ready, and they do not have it yet.
    withheld: bool,
    /// Something could not be taken away. Nothing is granted any more.
    stuck: bool,
}

impl Holder {
    /// The capabilities of the generation that has the device.
    pub fn place(&self) -> Option<Place> {
        self.place
    }

    /// Whether the regions are mapped.
    pub fn granted(&self) -> bool {
        self.granted
    }

    /// Whether they are mapped into this client, too.
    pub fn granted_to(&self, client: usize) -> bool {
        self.granted && !self.left_out(client)
    }

    fn left_out(&self, client: usize) -> bool {
        has(self.left_out, client)
    }

    /// Gives control pages, ports and a whole budget to a generation that is built and does not run yet. This is done while the present
    /// generation serves, so that it does not prolong the blackout.
    pub fn prepare<'m>(
        &mut self,
        kernel: &impl Kernel<'m>,
        books: &mut Books,
        plan: &UpdateComponent,
        control: &mut Control<'m>,
        place: Place,
        generation: u64,
    ) -> Result {
        self.prepared = None;
        kernel.configure_time(plan)?;
        control.connect(kernel, books, place.vspace, generation)?;
        connect(kernel, plan, place)?;
        self.prepared = Some(generation);
        Ok(())
    }

    /// Maps everything of the component into the generation and its clients, puts ports and interrupt into its CNode, and
    /// starts it. After an error, [`Self::deny`] takes away what was granted until then.
    #[expect(clippy::too_many_arguments, reason = "what a grant brings together")]
    pub fn grant<'m>(
        &mut self,
        kernel: &impl Kernel<'m>,
        books: &mut Books,
        estate: Estate<'m>,
        ports: &Ports,
        place: Place,
        generation: u64,
        control: &mut Control<'m>,
    ) -> Result {
        self.place = Some(place);
        if self.stuck {
            return Err(Error::INVALID_ARGUMENT);
        }
        (self.granted, self.left_out) = (true, estate.gone);
        self.withheld = estate.regions.iter().any(|r| r.when_ready != 0);
        let plan = estate.plan;
        let own = Space::Vault(place.vspace);
        for region in estate.regions {
            let withheld = region.when_ready != 0;
            let whose = |mapping: &Mapping| match mapping.holder() {
                Mapper::Generation => Some(own),
                Mapper::Client(_) if withheld => None,
                Mapper::Client(client) => (!estate.is_gone(client)).then_some(client_of(mapping)),
            };
            self.map_region(kernel, books, region, whose)?;
        }
        for device in plan.devices() {
            for n in 0..device.count {
                let vaddr = device.driver_vaddr + (u64::from(n) << device.page_bits);
                let frame = device.first.after(n);
                let rights = Rights::READ_WRITE;
                self.map(kernel, books, frame, own, vaddr, rights, Attributes::Device)?;
            }
        }
        self.grant_dma(kernel, books, estate)?;
        if plan.pci.present != 0 {
            let page = &plan.pci.configuration;
            let vaddr = page.driver_vaddr;
            let frame = page.first;
            self.map(
                kernel,
                books,
                frame,
                own,
                vaddr,
                Rights::READ,
                Attributes::Device,
            )?;
            pci::begin(kernel, books, self, plan)?;
        }
        if self.prepared.take() != Some(generation) {
            self.prepare(kernel, books, plan, control, place, generation)?;
        }
        if plan.passed.present == 0 {
            let slot = |irq: &UpdateIrq| Slot::Generation {
                cnode: place.cnode,
                slot: IRQ + u64::from(irq.id),
            };
            bind_interrupts(kernel, plan, ports, slot)?;
        }
        kernel.start(plan, place.tcb, ports.fault)
    }

    /// Gives what clients get when the generation is ready: memory that it has filled, to read; and the device to the client that
    /// drives it itself, its registers into the client's virtual machine, and its interrupt. That device is taken from the generation. Does nothing
    /// for another component, or if they have it already. After an error, [`Self::deny`] takes away what was given until then.
    ///
    /// # Errors
    /// Something could not be taken away or given.
    pub fn pass<'m>(
        &mut self,
        kernel: &impl Kernel<'m>,
        books: &mut Books,
        estate: Estate<'m>,
        ports: &Ports,
    ) -> Result {
        if self.withheld {
            for region in estate.regions.iter().filter(|r| r.when_ready != 0) {
                let left_out = self.left_out;
                let whose = |mapping: &Mapping| match mapping.holder() {
                    Mapper::Client(client) if !has(left_out, client) => Some(client_of(mapping)),
                    _ => None,
                };
                self.map_region(kernel, books, region, whose)?;
            }
            self.withheld = false;
        }
        let passed = &estate.plan.passed;
        if passed.present == 0 || self.passed {
            return Ok(());
        }
        self.revoke(kernel, books, estate)?;
        self.passed = true;
        if self.left_out(passed.client as usize) {
            return Ok(());
        }
        let guest = Space::Vault(passed.vspace);
        for device in estate.plan.devices().iter().take(1) {
            for n in 0..device.count {
                let vaddr = passed.vaddr + (u64::from(n) << device.page_bits);
                let frame = device.first.after(n);
                let rights = Rights::READ_WRITE;
                self.map(
                    kernel,
                    books,
                    frame,
                    guest,
                    vaddr,
                    rights,
                    Attributes::Device,
                )?;
            }
        }
        let slot = |_: &UpdateIrq| Slot::Generation {
            cnode: passed.cnode,
            slot: IRQ + u64::from(passed.irq),
        };
        bind_interrupts(kernel, estate.plan, ports, slot)
    }

    /// Takes everything but its control pages from the generation, whose thread is suspended already, and everything from the
    /// clients: afterwards no device and no region of the component is mapped anywhere. Returns the generation's place and the result; `None` if no generation had the device.
    ///
    /// Errors are not expected (all operations are on capabilities that only `update` has). An operation that fails is tried
    /// once more, and the others are carried out in any case. After a second error nothing is granted any more. The first
    /// error is returned.
    pub fn deny<'m>(
        &mut self,
        kernel: &impl Kernel<'m>,
        books: &mut Books,
        estate: Estate<'m>,
    ) -> Option<(Place, Result)> {
        let place = self.place.take()?;
        let mut result = Ok(());
        let mut note = |step: Result| {
            if result.is_ok() {
                result = step;
            }
        };
        // Errors are ignored: a generation that was granted only in part may have no port and no scheduling context.
        let _ = twice(|| kernel.unbind_port(place.tcb));
        let _ = twice(|| kernel.unbind_time(estate.plan.sc));
        for irq in estate.plan.irqs() {
            // Deleting the copies of a handler does not undo its binding, so the original is cleared.
            note(twice(|| kernel.revoke(irq.handler)));
            note(twice(|| kernel.clear_irq(irq.handler)));
        }
        note(self.revoke(kernel, books, estate));
        // Last: an entry below the table can be cleared only while it is mapped.
        if estate.plan.io_space.present != 0 {
            note(twice(|| kernel.unmap_io_table(estate.plan.io_space.table)));
        }
        (self.granted, self.passed, self.withheld) = (false, false, false);
        self.stuck |= result.is_err();
        Some((place, result))
    }

    /// Takes back what clients were lent. Does nothing while a generation has the device.
    ///
    /// # Errors
    /// Something could not be taken back. Nothing is granted then.
    pub fn reclaim<'m>(
        &mut self,
        kernel: &impl Kernel<'m>,
        books: &mut Books,
        estate: Estate<'m>,
    ) -> Result {
        if self.place.is_some() {
            return Ok(());
        }
        let result = self.revoke(kernel, books, estate);
        self.stuck |= result.is_err();
        result
    }

    /// Revokes all memory and devices, and returns the first error.
    fn revoke<'m>(
        &mut self,
        kernel: &impl Kernel<'m>,
        books: &mut Books,
        estate: Estate<'m>,
    ) -> Result {
        let mut result = Ok(());
        for frame in estate.originals() {
            let revoked = twice(|| kernel.revoke(frame));
            result = result.and(revoked);
        }
        // Their slots are empty now.
        while let Some(slot) = self.copies.pop() {
            books.give_back(slot);
        }
        result
    }

    /// Maps the component's regions into the device's address space, and the table under which its clients' memory is mapped.
    fn grant_dma<'m>(
        &mut self,
        kernel: &impl Kernel<'m>,
        books: &mut Books,
        estate: Estate<'m>,
    ) -> Result {
        let io = &estate.plan.io_space;
        if io.present == 0 {
            return Ok(());
        }
        kernel.map_io_table(io.table, io.space, io.address)?;
        for region in estate.regions.iter().filter(|r| r.io_rights != 0) {
            for n in 0..region.count {
                let slot = copy(kernel, books, &mut self.copies, region.first.after(n))?;
                let address = region.io_address + (u64::from(n) << region.page_bits);
                kernel.map_io(
                    slot,
                    io.space,
                    address,
                    Rights((region.io_rights & 3) as u8),
                )?;
            }
        }
        Ok(())
    }

    /// Maps a client's regions into that client alone. No generation has the device, and none will. All of them or none: it can be
    /// tried again after an error.
    pub fn lend<'m>(
        &mut self,
        kernel: &impl Kernel<'m>,
        books: &mut Books,
        estate: Estate<'m>,
        client: usize,
    ) -> Result {
        if self.granted || self.place.is_some() || self.stuck {
            return Err(Error::INVALID_ARGUMENT);
        }
        let whose = |mapping: &Mapping| {
            (mapping.holder() == Mapper::Client(client)).then_some(client_of(mapping))
        };
        let before = self.copies.len();
        let lent = estate
            .regions
            .iter()
            .try_for_each(|region| self.map_region(kernel, books, region, whose));
        if lent.is_err() {
            self.undo(kernel, books, before)?;
        }
        lent
    }

    /// Deletes the newest copies, and with them their mappings, until `count` are left.
    fn undo<'m>(&mut self, kernel: &impl Kernel<'m>, books: &mut Books, count: usize) -> Result {
        while self.copies.len() > count
            && let Some(&slot) = self.copies.last()
        {
            twice(|| kernel.delete(slot))?;
            self.copies.pop();
            books.give_back(slot);
        }
        Ok(())
    }

    /// Maps a new copy of one of the originals; [`Self::deny`] takes it away.
    #[expect(clippy::too_many_arguments, reason = "those of a mapping")]
    pub fn map<'m>(
        &mut self,
        kernel: &impl Kernel<'m>,
        books: &mut Books,
        original: VaultSlot,
        space: Space,
        vaddr: u64,
        rights: Rights,
        attributes: Attributes,
    ) -> Result {
        let slot = copy(kernel, books, &mut self.copies, original)?;
        kernel.map(slot, space, vaddr, rights, attributes)
    }

    fn map_region<'m>(
        &mut self,
        kernel: &impl Kernel<'m>,
        books: &mut Books,
        region: &Region,
        whose: impl Fn(&Mapping) -> Option<Space>,
    ) -> Result {
        for mapping in region.mappings() {
            let Some(space) = whose(mapping) else {
                continue;
            };
            let rights = Rights((mapping.rights & 3) as u8);
            for n in 0..region.count {
                let vaddr = mapping.vaddr + (u64::from(n) << region.page_bits);
                let frame = region.first.after(n);
                self.map(
                    kernel,
                    books,
                    frame,
                    space,
                    vaddr,
                    rights,
                    Attributes::Planned(mapping.attributes),
                )?;
            }
        }
        Ok(())
    }
}

/// The VSpace of a client's mapping.
fn client_of(mapping: &Mapping) -> Space {
    Space::Vault(mapping.vspace)
}

/// Carries out an operation, and once more if it fails.
pub fn twice(mut step: impl FnMut() -> Result) -> Result {
    step().or_else(|_| step())
}

/// Copies a frame's capability into a new slot, which is recorded in `copies`.
pub(crate) fn copy<'m, const N: usize>(
    kernel: &impl Kernel<'m>,
    books: &mut Books,
    copies: &mut Vec<VaultSlot, N>,
    frame: VaultSlot,
) -> Result<VaultSlot> {
    let slot = books.take().ok_or(Error::NOT_ENOUGH_MEMORY)?;
    if copies.push(slot).is_err() {
        books.give_back(slot);
        return Err(Error::NOT_ENOUGH_MEMORY);
    }
    kernel.copy(Slot::Vault(slot), frame, Rights::ALL)?;
    Ok(slot)
}

/// Copies the ports: the notification on which it is signalled, and those that it signals.
fn connect<'m>(kernel: &impl Kernel<'m>, plan: &UpdateComponent, place: Place) -> Result {
    let cnode = place.cnode;
    let slot = |slot| Slot::Generation { cnode, slot };
    kernel.copy(slot(INPUT), plan.port, Rights::READ)?;
    for signal in plan.signals() {
        kernel.copy(slot(signal.slot.into()), signal.capability, Rights::ALL)?;
    }
    Ok(())
}

/// Binds the interrupts, and copies their handlers for whoever acknowledges them.
fn bind_interrupts<'m>(
    kernel: &impl Kernel<'m>,
    plan: &UpdateComponent,
    ports: &Ports,
    slot: impl Fn(&UpdateIrq) -> Slot,
) -> Result {
    for (irq, badged) in plan.irqs().iter().zip(&ports.irqs) {
        kernel.bind_irq(irq.handler, *badged)?;
        kernel.copy(slot(irq), irq.handler, Rights::ALL)?;
    }
    Ok(())
}
