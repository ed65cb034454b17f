// SPDX-License-Identifier: BSD-2-Clause
//! Implements the supervisor's trait `Kernel` with the kernel's core, memory, a device, a clock, and pending signals.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::AtomicU64;

use molt_clock::{Frequency, Ticks};
use molt_kernel_core::inspect::Label;
use molt_shared::Mmio;
use molt_supervisor::{Attributes, Error, Kernel, Result, Rights, Slot, Space, Thread};
use molt_system::{UpdateComponent, VaultSlot};

use crate::calls::Calls;
use crate::choices::Choices;
use crate::device::{Device, Firmware};
use crate::disk::Share;
use crate::mutant::Mutant;
use crate::plan::{self, ARENAS, CHILD, CLIENTS, Own, WORKSHOP, driver_at, own, slot, vault};
use crate::ram::Ram;
use crate::shape::{COMPONENTS, Shape};

/// Who does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Actor {
    Update,
    Stage,
    /// The generation that has this component's device.
    Driver(usize),
    Client(usize),
}

/// Everything that the actors share.
pub struct World {
    pub calls: Calls,
    pub ram: Ram,
    /// In us.
    pub now: u64,
    pub choices: Choices,
    pub mutant: Option<Mutant>,
    pub shape: Shape,
    /// Of each component.
    pub devices: [Device; COMPONENTS],
    pub alarm: Option<u64>,
    /// Signalled since their last turn.
    pub signalled: Vec<Actor>,
    /// Clients that wait in a fault, and the address that they have touched.
    pub blocked: [Option<u64>; CLIENTS],
    /// Of each component: arena of a generation that was started and has not been seen yet.
    pub started: [Option<usize>; COMPONENTS],
    /// Components whose devices were revoked, since this was last looked at.
    pub denied: Vec<usize>,
    /// The call of the trait after this many more fails, once.
    pub fails_in: Option<u64>,
    /// A rule that was broken within a call.
    pub broken: Option<&'static str>,
    /// The share of the disk of a client that is a VMM.
    pub share: Option<Share>,
    /// Turns that a VMM has asked its timer for.
    pub timers: Vec<(u64, Actor)>,
}

impl World {
    /// Devices with firmware run the factory's in the beginning.
    pub fn new(
        calls: Calls,
        ram: Ram,
        choices: Choices,
        mutant: Option<Mutant>,
        shape: Shape,
    ) -> Self {
        let device = |firmware: bool| Device {
            takes: Some(0),
            firmware: firmware.then_some(Firmware {
                runs: 1,
                spare: 0,
                kept: 1,
            }),
            ..Device::default()
        };
        Self {
            calls,
            ram,
            now: 1,
            choices,
            mutant,
            shape,
            devices: shape.firmware.map(device),
            alarm: None,
            signalled: Vec::new(),
            blocked: [None; CLIENTS],
            started: [None; COMPONENTS],
            denied: Vec::new(),
            fails_in: None,
            broken: None,
            share: None,
            timers: Vec::new(),
        }
    }

    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// Signals somebody.
    pub fn signal(&mut self, actor: Actor) {
        if !self.signalled.contains(&actor) {
            self.signalled.push(actor);
        }
    }
}

/// The world, as the supervisor has it.
#[derive(Clone)]
pub struct Handle(pub Rc<RefCell<World>>);

impl Handle {
    fn with(&self, what: impl FnOnce(&mut World) -> core::result::Result<(), u64>) -> Result {
        let mut world = self.0.borrow_mut();
        if let Some(left) = &mut world.fails_in {
            if *left == 0 {
                world.fails_in = None;
                return Err(Error(10));
            }
            *left -= 1;
        }
        what(&mut world).map_err(Error)
    }
}

fn address(slot: Slot) -> (Option<u64>, u64) {
    match slot {
        Slot::Vault(slot) => (None, vault(slot.0)),
        Slot::Workshop(index) => (None, WORKSHOP + u64::from(index)),
        Slot::Generation { cnode, slot } => (Some(vault(cnode.0)), slot),
    }
}

/// The report page of the first component's second arena.
const SECOND_REPORT: u32 = own(0, Own::Control(1)) + 1;

/// Whether the frame is mapped into a generation as the next one's firmware.
fn is_next_firmware(world: &mut World, slot: VaultSlot) -> bool {
    let paddr = world.calls.paddr(vault(slot.0));
    let components = world.shape.components;
    let arenas = (0..components).flat_map(|n| (0..ARENAS).map(move |arena| plan::vspace(n, arena)));
    let vspaces: Vec<u64> = arenas.collect();
    let mut pages =
        (0..u64::from(plan::FIRMWARE_PAGES)).map(|n| driver_at::NEXT_FIRMWARE + n * 4096);
    pages.any(|vaddr| {
        let mut reached = vspaces
            .iter()
            .filter_map(|at| world.calls.reached(*at, vaddr));
        reached.any(|reached| reached.paddr & !0xfff == paddr)
    })
}

impl Kernel<'static> for Handle {
    fn copy(&self, to: Slot, from: VaultSlot, rights: Rights) -> Result {
        self.with(|world| {
            let (node, to) = address(to);
            let from = match from.0 {
                SECOND_REPORT if world.is(Mutant::SharesControl) => own(0, Own::Control(0)) + 1,
                from => from,
            };
            world.calls.copy(node, to, vault(from), rights.0.into())
        })
    }

    fn mint(&self, to: VaultSlot, from: VaultSlot, rights: Rights, badge: u64) -> Result {
        self.with(|world| {
            let rights = rights.0.into();
            world.calls.mint(vault(to.0), vault(from.0), rights, badge)
        })
    }

    fn relocate(&self, to: Slot, from: Slot) -> Result {
        self.with(|world| {
            let left = matches!(from, Slot::Workshop(index) if index == 1028);
            if left && world.is(Mutant::LeavesCapability) {
                return Ok(());
            }
            world.calls.relocate(address(to).1, address(from).1)
        })
    }

    fn revoke(&self, original: VaultSlot) -> Result {
        self.with(|world| {
            if let Some(component) = plan::taken_from(original.0) {
                let now = world.now;
                let device = &mut world.devices[component];
                device.look(now);
                if device.active {
                    world.broken = Some("revoked before the device was at rest");
                }
            }
            let device = plan::device_of(original.0);
            world.denied.extend(device);
            let kept = match original.0 {
                _ if device.is_some() => world.is(Mutant::KeepsDevice),
                slot if plan::is_handler(slot) => world.is(Mutant::KeepsHandler),
                slot => slot == own(0, Own::Queue(0)) + 1 && world.is(Mutant::KeepsRegion),
            };
            if kept || plan::is_arena(original.0) && world.is(Mutant::KeepsArena) {
                return Ok(());
            }
            world.calls.revoke(vault(original.0))
        })
    }

    fn delete(&self, slot: VaultSlot) -> Result {
        self.with(|world| {
            let kept = world.is(Mutant::KeepsFirmware) && is_next_firmware(world, slot);
            if kept || world.is(Mutant::KeepsControl) {
                return Ok(());
            }
            world.calls.delete(vault(slot.0))
        })
    }

    fn map(
        &self,
        frame: VaultSlot,
        space: Space,
        vaddr: u64,
        rights: Rights,
        attributes: Attributes,
    ) -> Result {
        self.with(|world| {
            // AArch64's bits: 1 cacheable, 2 parity, 4 execute-never.
            let attributes = match attributes {
                Attributes::Normal => 3 | 4,
                Attributes::Device => 4,
                Attributes::Planned(bits) => bits,
            };
            let vspace = match space {
                Space::Own => vault(slot::OWN_VSPACE),
                Space::Vault(slot) => vault(slot.0),
            };
            let all = world.is(Mutant::AllRights);
            let rights = if all { Rights::ALL } else { rights };
            let rights = rights.0.into();
            world
                .calls
                .map(vault(frame.0), vspace, vaddr, rights, attributes.into())
        })
    }

    // The simulated machine has no IOMMU, and its plan no device's address space.
    fn map_io(&self, _: VaultSlot, _: VaultSlot, _: u64, _: Rights) -> Result {
        Err(Error::INVALID_ARGUMENT)
    }

    fn map_io_table(&self, _: VaultSlot, _: VaultSlot, _: u64) -> Result {
        Err(Error::INVALID_ARGUMENT)
    }

    fn unmap_io_table(&self, _: VaultSlot) -> Result {
        Err(Error::INVALID_ARGUMENT)
    }

    fn bind_irq(&self, handler: VaultSlot, notification: VaultSlot) -> Result {
        self.with(|world| {
            let caps = [vault(notification.0)];
            let call = world
                .calls
                .call(vault(handler.0), Label::IRQ_SET_HANDLER, &[], &caps);
            call.map(drop)
        })
    }

    fn clear_irq(&self, handler: VaultSlot) -> Result {
        self.with(|world| {
            if world.is(Mutant::KeepsBinding) {
                return Ok(());
            }
            let call = world
                .calls
                .call(vault(handler.0), Label::IRQ_CLEAR_HANDLER, &[], &[]);
            call.map(drop)
        })
    }

    fn configure_time(&self, plan: &UpdateComponent) -> Result {
        self.with(|world| {
            // Where the kernel's clock stands still, a budget is never used up.
            let times = [plan.budget_us, plan.period_us, 0, 0, 0];
            let (control, sc) = (world.calls.sched_control, vault(plan.sc.0));
            let label = Label::SCHED_CONTROL_CONFIGURE;
            world.calls.call(control, label, &times, &[sc])?;
            Ok(())
        })
    }

    fn start(&self, plan: &UpdateComponent, tcb: VaultSlot, fault: VaultSlot) -> Result {
        self.with(|world| {
            let (thread, sc) = (vault(tcb.0), vault(plan.sc.0));
            let calls = &mut world.calls;
            let caps = [crate::calls::TCB, sc, vault(fault.0)];
            let words = [0, u64::from(plan.priority)];
            calls.call(thread, Label::TCB_SET_SCHED_PARAMS, &words, &caps)?;
            calls.call(
                thread,
                Label::TCB_BIND_NOTIFICATION,
                &[],
                &[vault(plan.port.0)],
            )?;
            calls.call(thread, Label::TCB_RESUME, &[], &[])?;
            let (component, arena) = plan::generation_of(tcb.0);
            world.started[component] = Some(arena);
            world.signal(Actor::Driver(component));
            Ok(())
        })
    }

    fn unbind_port(&self, tcb: VaultSlot) -> Result {
        self.with(|world| {
            let tcb = vault(tcb.0);
            let call = world
                .calls
                .call(tcb, Label::TCB_UNBIND_NOTIFICATION, &[], &[]);
            call.map(drop)
        })
    }

    fn unbind_time(&self, sc: VaultSlot) -> Result {
        self.with(|world| {
            if world.is(Mutant::NoSuspend) {
                return Ok(());
            }
            let sc = vault(sc.0);
            world
                .calls
                .call(sc, Label::SCHED_CONTEXT_UNBIND, &[], &[])
                .map(drop)
        })
    }

    fn suspend(&self, thread: Thread) -> Result {
        self.with(|world| {
            if world.is(Mutant::NoSuspend) {
                return Ok(());
            }
            let thread = match thread {
                Thread::Vault(slot) => vault(slot.0),
                Thread::Child(child) => CHILD + u64::from(child),
            };
            world
                .calls
                .call(thread, Label::TCB_SUSPEND, &[], &[])
                .map(drop)
        })
    }

    fn resume(&self, thread: Thread) -> Result {
        self.with(|world| {
            if let Thread::Child(child) = thread
                && !world.is(Mutant::StaysParked)
            {
                let client = (child - plan::CLIENT_CHILD) as usize;
                world.blocked[client] = None;
                world.signal(Actor::Client(client));
            }
            Ok(())
        })
    }

    fn notify(&self, channel: u32) {
        let actor = match channel {
            plan::STAGE_CHANNEL => Actor::Stage,
            // `serial` has nothing to do: what the operator types is put into the ring at once.
            plan::SERIAL_CHANNEL => return,
            n if n >= plan::DRIVER_CHANNEL => Actor::Driver((n - plan::DRIVER_CHANNEL) as usize),
            n => Actor::Client((n - plan::CLIENT_CHANNEL) as usize),
        };
        self.0.borrow_mut().signal(actor);
    }

    fn yield_now(&self) {}

    fn consumed(&self, _: VaultSlot) -> u64 {
        0
    }

    fn now(&self) -> Ticks {
        // Each look takes a moment.
        Ticks(self.0.borrow().now)
    }

    fn frequency(&self) -> Frequency {
        Frequency::new(1_000_000).expect("not 0")
    }

    fn wake_at(&self, _: u32, at: Ticks) {
        let mut world = self.0.borrow_mut();
        if !world.is(Mutant::NoAlarm) {
            world.alarm = Some(at.0);
        }
    }

    fn words(&self, address: u64, size: u64) -> &'static [AtomicU64] {
        self.0.borrow().ram.words(address, size)
    }

    fn registers(&self, address: u64) -> impl Mmio {
        let component = (address - plan::OWN_DEVICES) / 4096;
        Registers {
            world: self.0.clone(),
            component: component as usize,
        }
    }
}

/// A device's registers, where `update` has mapped them.
struct Registers {
    world: Rc<RefCell<World>>,
    component: usize,
}

impl Registers {
    fn there(&self, world: &World) -> bool {
        let at = plan::own_device(self.component);
        let reached = world.calls.reached(vault(slot::OWN_VSPACE), at);
        reached.is_some_and(|reached| reached.write)
    }
}

impl Mmio for Registers {
    fn read(&self, offset: usize) -> u32 {
        let mut world = self.world.borrow_mut();
        if !self.there(&world) {
            world.broken = Some("update touches a device that it has not mapped");
            return u32::MAX;
        }
        let now = world.now;
        let value = world.devices[self.component].read(now, offset);
        if offset == 0x070 && world.is(Mutant::NoStop) {
            return 0;
        }
        value
    }

    fn write(&self, offset: usize, value: u32) {
        let mut world = self.world.borrow_mut();
        if !self.there(&world) {
            world.broken = Some("update touches a device that it has not mapped");
            return;
        }
        if !world.is(Mutant::NoStop) {
            let now = world.now;
            world.devices[self.component].write(now, offset, value);
        }
    }
}
