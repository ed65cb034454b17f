// SPDX-License-Identifier: BSD-2-Clause
//! A device that a guest drives itself, and memory that a generation fills before its clients get it: who can access it, step by
//! step.

extern crate std;

use core::cell::RefCell;
use core::sync::atomic::AtomicU64;
use std::boxed::Box;
use std::collections::HashMap;
use std::vec::Vec;

use molt_clock::{Frequency, Ticks};
use molt_shared::Mmio;
use molt_system::cspace::IRQ;
use molt_system::{Authority, MAX_ARENAS, NONE, Region, RegionMapping, UpdateComponent, VaultSlot};

use crate::books::Books;
use crate::control::Control;
use crate::holder::{Estate, Holder, Place};
use crate::ports::Ports;
use crate::{Attributes, Error, Kernel, Result, Rights, Slot, Space, Thread};

/// Slots of originals, and of what the plan names.
const DEVICE: VaultSlot = VaultSlot(1);
const HANDLER: VaultSlot = VaultSlot(2);
const CNODE: VaultSlot = VaultSlot(3);
const GUEST: VaultSlot = VaultSlot(4);
const NOTIFICATION: VaultSlot = VaultSlot(5);
const PORT: VaultSlot = VaultSlot(6);
const ARENA: VaultSlot = VaultSlot(100);
/// Frames of the memory.
const MEMORY: [VaultSlot; 2] = [VaultSlot(7), VaultSlot(8)];
const SECOND_GUEST: VaultSlot = VaultSlot(9);
/// Where the registers are in the driver and in the guest.
const DRIVER_VADDR: u64 = 0x1000_0000;
const GUEST_VADDR: u64 = 0x0b10_0000;
/// The client's identifier of the interrupt.
const ID: u32 = 8;

/// Capabilities and mappings, as a kernel would have them.
#[derive(Default)]
struct Fake {
    /// Copies by slot, with what they are copies of.
    copies: RefCell<HashMap<Key, VaultSlot>>,
    /// Mappings, with the slot of the copy that each was made through.
    mappings: RefCell<Vec<(Key, VaultSlot, u64)>>,
    bound: RefCell<Option<VaultSlot>>,
}

/// CNode (none: the vault) and slot.
type Key = (Option<u32>, u64);

fn key(slot: Slot) -> Key {
    match slot {
        Slot::Vault(slot) => (None, slot.0.into()),
        Slot::Workshop(slot) => (Some(u32::MAX), slot.into()),
        Slot::Generation { cnode, slot } => (Some(cnode.0), slot),
    }
}

impl Fake {
    fn origin(&self, slot: VaultSlot) -> VaultSlot {
        let copies = self.copies.borrow();
        copies.get(&key(Slot::Vault(slot))).copied().unwrap_or(slot)
    }

    /// The address spaces in which the device's registers are, with the address.
    fn registers(&self) -> Vec<(VaultSlot, u64)> {
        self.mapped(DEVICE)
    }

    /// The same of any frame.
    fn mapped(&self, frame: VaultSlot) -> Vec<(VaultSlot, u64)> {
        let mappings = self.mappings.borrow();
        let found = mappings
            .iter()
            .filter(|(through, ..)| self.copies.borrow().get(through) == Some(&frame));
        found.map(|(_, space, vaddr)| (*space, *vaddr)).collect()
    }

    /// The notification to which the interrupt is bound, as the original that it was made of; and who can acknowledge it.
    fn interrupt(&self) -> (Option<VaultSlot>, Vec<Key>) {
        let copies = self.copies.borrow();
        let handlers = copies.iter().filter(|(_, of)| **of == HANDLER);
        let bound = self.bound.borrow().map(|slot| self.origin(slot));
        (bound, handlers.map(|(slot, _)| *slot).collect())
    }
}

struct NoRegisters;

impl Mmio for NoRegisters {
    fn read(&self, _: usize) -> u32 {
        0
    }
    fn write(&self, _: usize, _: u32) {}
}

impl<'m> Kernel<'m> for Fake {
    fn copy(&self, to: Slot, from: VaultSlot, _: Rights) -> Result {
        let from = self.origin(from);
        match self.copies.borrow_mut().insert(key(to), from) {
            None => Ok(()),
            Some(_) => Err(Error(8)),
        }
    }
    fn mint(&self, to: VaultSlot, from: VaultSlot, rights: Rights, _: u64) -> Result {
        self.copy(Slot::Vault(to), from, rights)
    }
    fn relocate(&self, _: Slot, _: Slot) -> Result {
        Ok(())
    }
    fn revoke(&self, original: VaultSlot) -> Result {
        let gone = |of: &VaultSlot| *of == original;
        let copies = self.copies.borrow().clone();
        let through = |through: &Key| copies.get(through).is_some_and(gone);
        (self.mappings.borrow_mut()).retain(|(slot, ..)| !through(slot));
        self.copies.borrow_mut().retain(|_, of| !gone(of));
        Ok(())
    }
    fn delete(&self, slot: VaultSlot) -> Result {
        let slot = key(Slot::Vault(slot));
        (self.mappings.borrow_mut()).retain(|(through, ..)| *through != slot);
        self.copies.borrow_mut().remove(&slot);
        Ok(())
    }
    fn map(&self, frame: VaultSlot, space: Space, vaddr: u64, _: Rights, _: Attributes) -> Result {
        let space = match space {
            Space::Own => VaultSlot::NONE,
            Space::Vault(space) => space,
        };
        let mapping = (key(Slot::Vault(frame)), space, vaddr);
        self.mappings.borrow_mut().push(mapping);
        Ok(())
    }
    fn map_io(&self, _: VaultSlot, _: VaultSlot, _: u64, _: Rights) -> Result {
        Ok(())
    }
    fn map_io_table(&self, _: VaultSlot, _: VaultSlot, _: u64) -> Result {
        Ok(())
    }
    fn unmap_io_table(&self, _: VaultSlot) -> Result {
        Ok(())
    }
    fn bind_irq(&self, _: VaultSlot, notification: VaultSlot) -> Result {
        *self.bound.borrow_mut() = Some(notification);
        Ok(())
    }
    fn clear_irq(&self, _: VaultSlot) -> Result {
        *self.bound.borrow_mut() = None;
        Ok(())
    }
    fn configure_time(&self, _: &UpdateComponent) -> Result {
        Ok(())
    }
    fn start(&self, _: &UpdateComponent, _: VaultSlot, _: VaultSlot) -> Result {
        Ok(())
    }
    fn unbind_port(&self, _: VaultSlot) -> Result {
        Ok(())
    }
    fn unbind_time(&self, _: VaultSlot) -> Result {
        Ok(())
    }
    fn suspend(&self, _: Thread) -> Result {
        Ok(())
    }
    fn resume(&self, _: Thread) -> Result {
        Ok(())
    }
    fn notify(&self, _: u32) {}
    fn yield_now(&self) {}
    fn consumed(&self, _: VaultSlot) -> u64 {
        0
    }
    fn now(&self) -> Ticks {
        Ticks(0)
    }
    fn frequency(&self) -> Frequency {
        Frequency::new(1_000_000_000).expect("a frequency")
    }
    fn wake_at(&self, _: u32, _: Ticks) {}
    fn words(&self, _: u64, size: u64) -> &'m [AtomicU64] {
        let words: Vec<_> = (0..size / 8).map(|_| AtomicU64::new(0)).collect();
        Box::leak(words.into_boxed_slice())
    }
    fn registers(&self, _: u64) -> impl Mmio {
        NoRegisters
    }
    #[cfg(feature = "probe")]
    fn retype_whole(&self, _: VaultSlot, _: u32, _: VaultSlot) -> Result {
        Ok(())
    }
    #[cfg(feature = "probe-old")]
    fn await_fault(&self, _: u32, _: u32, _: Ticks) -> Option<crate::Fault> {
        None
    }
}

fn plan() -> UpdateComponent {
    let mut plan = UpdateComponent {
        port: PORT,
        device_count: 1,
        irq_count: 1,
        ..UpdateComponent::default()
    };
    let [device, ..] = &mut plan.devices;
    (device.first, device.count, device.page_bits) = (DEVICE, 1, 12);
    device.driver_vaddr = DRIVER_VADDR;
    let [irq, ..] = &mut plan.irqs;
    irq.handler = HANDLER;
    plan.passed.present = 1;
    (plan.passed.vspace, plan.passed.cnode) = (GUEST, CNODE);
    (plan.passed.notification, plan.passed.irq) = (NOTIFICATION, ID);
    plan.passed.vaddr = GUEST_VADDR;
    plan
}

/// A holder of the component in [`plan`], with all that its calls need.
struct Rig {
    kernel: Fake,
    books: Books,
    ports: Ports,
    estate: Estate<'static>,
    holder: Holder,
    control: Control<'static>,
    place: Place,
}

impl Rig {
    /// `gone`: the clients that are gone, one bit each.
    fn new(gone: u8) -> Self {
        Self::of(plan(), &[], gone)
    }

    fn of(plan: UpdateComponent, regions: &'static [Region], gone: u8) -> Self {
        let plan: &UpdateComponent = Box::leak(Box::new(plan));
        let kernel = Fake::default();
        let mut books = Books::new(VaultSlot(1000), 2000, MAX_ARENAS as u32);
        let ports = Ports::new(&kernel, &Authority::default(), plan, &mut books).expect("ports");
        let [control, _] = Control::of_all(&kernel, &plan.arenas);
        Self {
            kernel,
            books,
            ports,
            estate: Estate {
                plan,
                regions,
                gone,
            },
            holder: Holder::default(),
            control,
            place: Place::at(ARENA),
        }
    }

    fn grant(&mut self, generation: u64) -> Result {
        self.holder.grant(
            &self.kernel,
            &mut self.books,
            self.estate,
            &self.ports,
            self.place,
            generation,
            &mut self.control,
        )
    }

    fn pass(&mut self) -> Result {
        self.holder
            .pass(&self.kernel, &mut self.books, self.estate, &self.ports)
    }

    fn deny(&mut self) -> Result {
        let denied = self.holder.deny(&self.kernel, &mut self.books, self.estate);
        denied.expect("a holder").1
    }
}

#[test]
fn a_passed_device_has_one_owner_at_a_time() {
    let mut rig = Rig::new(0);
    let (generation, guest) = ((rig.place.vspace, DRIVER_VADDR), (GUEST, GUEST_VADDR));
    let acknowledges = (Some(CNODE.0), IRQ + u64::from(ID));
    for number in 0..3 {
        assert_eq!(rig.grant(number), Ok(()));
        assert_eq!(
            rig.kernel.registers(),
            [generation],
            "not before it is ready"
        );
        assert_eq!(rig.kernel.interrupt(), (None, Vec::new()));
        // An order to quiesce can be withdrawn, so that the gates open a second time.
        for _ in 0..2 {
            assert_eq!(rig.pass(), Ok(()));
            assert_eq!(rig.kernel.registers(), [guest]);
            let expected = (Some(NOTIFICATION), std::vec![acknowledges]);
            assert_eq!(rig.kernel.interrupt(), expected);
        }
        assert_eq!(rig.deny(), Ok(()));
        assert_eq!(rig.kernel.registers(), [], "nobody has it");
        assert_eq!(rig.kernel.interrupt(), (None, Vec::new()));
        // The CNode goes with its generation.
        (rig.kernel.copies.borrow_mut()).retain(|(cnode, _), _| *cnode != Some(rig.place.cnode.0));
    }
}

#[test]
fn a_client_that_is_gone_is_passed_nothing() {
    let mut rig = Rig::new(1);
    assert_eq!(rig.grant(0), Ok(()));
    assert_eq!(rig.pass(), Ok(()));
    assert_eq!(rig.kernel.registers(), []);
    assert_eq!(rig.kernel.interrupt(), (None, Vec::new()));
}

/// A component whose two clients read memory that its generations fill.
fn rom(gone: u8) -> Rig {
    let mapping = |holder, vspace, vaddr, rights| RegionMapping {
        holder,
        vspace,
        vaddr,
        rights,
        attributes: 5,
    };
    let mut region = Region {
        first: MEMORY[0],
        count: 2,
        page_bits: 12,
        mapping_count: 3,
        when_ready: 1,
        ..Region::default()
    };
    let [driver, first, second, ..] = &mut region.mappings;
    *driver = mapping(NONE, VaultSlot::NONE, DRIVER_VADDR, 3);
    *first = mapping(0, GUEST, GUEST_VADDR, 2);
    *second = mapping(1, SECOND_GUEST, GUEST_VADDR, 2);
    let mut plan = plan();
    plan.passed.present = 0;
    Rig::of(plan, Box::leak(Box::new([region])), gone)
}

#[test]
fn memory_that_a_generation_fills_is_its_clients_when_it_is_ready() {
    let mut rig = rom(0);
    for number in 0..3 {
        assert_eq!(rig.grant(number), Ok(()));
        let generation = |n: u64| (rig.place.vspace, DRIVER_VADDR + n * 0x1000);
        for (n, frame) in (0..).zip(MEMORY) {
            assert_eq!(rig.kernel.mapped(frame), [generation(n)]);
        }
        for _ in 0..2 {
            assert_eq!(rig.pass(), Ok(()));
            for (n, frame) in (0..).zip(MEMORY) {
                let vaddr = GUEST_VADDR + n * 0x1000;
                let all = [
                    (rig.place.vspace, DRIVER_VADDR + n * 0x1000),
                    (GUEST, vaddr),
                    (SECOND_GUEST, vaddr),
                ];
                assert_eq!(rig.kernel.mapped(frame), all);
            }
            let registers = (rig.place.vspace, DRIVER_VADDR);
            assert_eq!(rig.kernel.registers(), [registers], "the driver keeps it");
        }
        assert_eq!(rig.deny(), Ok(()));
        for frame in MEMORY {
            assert_eq!(rig.kernel.mapped(frame), [], "nobody has it");
        }
        (rig.kernel.copies.borrow_mut()).retain(|(cnode, _), _| *cnode != Some(rig.place.cnode.0));
    }
}

#[test]
fn a_client_that_is_gone_gets_no_memory() {
    let mut rig = rom(0b10);
    assert_eq!(rig.grant(0), Ok(()));
    assert_eq!(rig.pass(), Ok(()));
    let [frame, _] = MEMORY;
    let both = [(rig.place.vspace, DRIVER_VADDR), (GUEST, GUEST_VADDR)];
    assert_eq!(rig.kernel.mapped(frame), both);
}
