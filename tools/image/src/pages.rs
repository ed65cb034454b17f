// SPDX-License-Identifier: BSD-2-Clause
//! Pages that the tool adds to the description: rings to `serial`, gates, control pages, the link between `update` and
//! `stage`.

use crate::briefs;
use crate::builder::Frames;
use crate::layout::Layout;
use crate::space::{CONSTANT, DATA};
use molt_sdf::model::{DomainId, Role};
use molt_system::{
    ConsoleRings, GUEST_CONSOLES, GatePages, MAX_ARENAS, NONE, OperatorLink, Ring, StageLink,
};
use molt_terminal::{KINDS, Kind};

/// Bytes of a ring to `serial`.
const RING: u64 = 0x4000;

/// Bytes of the ring with what an operator types, and of that with what is typed at a guest's console.
const TYPED: u64 = 0x1000;

/// One ring.
pub struct SerialRing {
    pub domain: DomainId,
    /// As the writer sees it.
    pub writer: Ring,
    /// Address in `serial`.
    pub reader: u64,
    /// `serial`'s channel.
    pub channel: u32,
    /// The consoles of its guest, as it sees them and as `serial` does.
    pub consoles: (Consoles, Consoles),
}

/// A guest's consoles.
pub type Consoles = [ConsoleRings; GUEST_CONSOLES];

/// The control pages of an arena.
#[derive(Clone, Copy)]
pub struct Control {
    pub orders: Frames,
    pub report: Frames,
    /// Addresses in `update`.
    pub update: (u64, u64),
}

/// The page in which a guest reads a device's registers, and its VMM writes them.
pub struct DeviceRegisters {
    pub domain: DomainId,
    /// Which of the guest's devices.
    pub device: usize,
    pub frames: Frames,
    /// Address in the VMM.
    pub vaddr: u64,
}

/// All of them.
#[derive(Default)]
pub struct Shared {
    pub rings: Vec<SerialRing>,
    /// By client: as `update` and as the client see them.
    pub gates: Vec<(GatePages, GatePages)>,
    /// By component.
    pub control: Vec<Control>,
    pub registers: Vec<DeviceRegisters>,
    /// As `update` and as `stage` see it.
    pub link: (StageLink, StageLink),
    /// As `update` and as `flash` see it, if there is one.
    pub store: Option<(StageLink, StageLink)>,
    /// What an operator types, as `update` and as `serial` see it, if there is one.
    pub operator: Option<(OperatorLink, Ring)>,
}

impl Shared {
    /// A PD's ring to `serial`.
    pub fn ring(&self, domain: DomainId) -> Ring {
        self.rings
            .iter()
            .find(|r| r.domain == domain)
            .map(|r| r.writer)
            .unwrap_or_default()
    }

    /// The consoles of a VMM's guest.
    pub fn consoles(&self, domain: DomainId) -> Consoles {
        let ring = self.rings.iter().find(|r| r.domain == domain);
        ring.map(|r| r.consoles.0).unwrap_or_default()
    }

    /// Address in the VMM of the page with its guest's device's registers; 0: none.
    pub fn registers_of(&self, domain: DomainId, device: usize) -> u64 {
        let mut all = self.registers.iter();
        all.find(|page| (page.domain, page.device) == (domain, device))
            .map_or(0, |page| page.vaddr)
    }
}

/// Makes and maps them.
pub fn make(layout: &mut Layout) -> Shared {
    let mut shared = Shared::default();
    rings(layout, &mut shared);
    registers(layout, &mut shared);
    let (Some(update), Some(stage)) = (
        layout.system.role(Role::Update),
        layout.system.role(Role::Stage),
    ) else {
        return shared;
    };
    for client in layout.system.clients() {
        let (in_update, to_client, in_client) = exchange(layout, update, client);
        let own = GatePages {
            to_client: in_update.0,
            to_update: in_update.1,
        };
        shared.gates.push((
            own,
            GatePages {
                to_client,
                to_update: in_client,
            },
        ));
    }
    for _ in 0..layout.system.components().len() * MAX_ARENAS {
        let orders = layout.b.frames(0x1000, 12, None);
        let report = layout.b.frames(0x1000, 12, None);
        let Some((fixed, b)) = layout.fixed(update) else {
            continue;
        };
        let update = (
            fixed.space.map_tool(b, orders, DATA),
            fixed.space.map_tool(b, report, DATA),
        );
        shared.control.push(Control {
            orders,
            report,
            update,
        });
    }
    shared.link = link(layout, update, stage);
    let flash = layout.system.role(Role::Flash);
    shared.store = flash.map(|flash| link(layout, update, flash));
    shared.operator = operator(layout, update);
    shared
}

/// The ring from `serial` to `update` with what an operator types.
fn operator(layout: &mut Layout, update: DomainId) -> Option<(OperatorLink, Ring)> {
    let serial = layout.system.role(Role::Serial)?;
    let may = layout.system.domains[serial].operator.as_ref()?.may;
    let (to_serial, to_update) = layout.system.channel(update, serial)?;
    let (in_update, in_serial) = both(layout, update, serial, TYPED);
    let link = OperatorLink {
        ring: in_update,
        size: TYPED,
        channel: to_serial as u32,
        may,
    };
    let ring = Ring {
        vaddr: in_serial,
        size: TYPED,
        channel: to_update as u32,
        reserved: 0,
    };
    Some((link, ring))
}

/// The pages of commands and of answers, as `update` and as the other see them.
fn link(layout: &mut Layout, update: DomainId, other: DomainId) -> (StageLink, StageLink) {
    let (in_update, commands, results) = exchange(layout, update, other);
    let (to_other, to_update) = layout
        .system
        .channel(update, other)
        .unwrap_or((u64::from(NONE), u64::from(NONE)));
    (
        StageLink {
            commands: in_update.0,
            results: in_update.1,
            channel: to_other as u32,
            reserved: 0,
        },
        StageLink {
            commands,
            results,
            channel: to_update as u32,
            reserved: 0,
        },
    )
}

/// One page each way between `a` and `b`: addresses in `a` (from a, to a), then in `b` (from a, to a).
fn exchange(layout: &mut Layout, a: DomainId, b: DomainId) -> ((u64, u64), u64, u64) {
    let from_a = layout.b.frames(0x1000, 12, None);
    let to_a = layout.b.frames(0x1000, 12, None);
    let mut map = |domain, frames, access| match layout.fixed(domain) {
        Some((fixed, builder)) => fixed.space.map_tool(builder, frames, access),
        None => 0,
    };
    (
        (map(a, from_a, DATA), map(a, to_a, CONSTANT)),
        map(b, from_a, CONSTANT),
        map(b, to_a, DATA),
    )
}

/// A page for the registers of each virtio device of each guest whose VMM is ours.
fn registers(layout: &mut Layout, shared: &mut Shared) {
    let system = layout.system;
    for (domain, described) in system.domains.iter().enumerate() {
        let ours = |fixed: &mut crate::layout::Static| fixed.elf.symbol("molt_brief").is_some();
        if described.machine.is_none()
            || !layout.fixed(domain).is_some_and(|(fixed, _)| ours(fixed))
        {
            continue;
        }
        for (device, (_, client)) in briefs::shares(system, domain).enumerate() {
            // Its VMM has to know that the guest has read that the link is down: each read is an exit.
            // And a guest that drives the device itself has the device's own.
            if client.techniques.unplug || client.passed().is_some() {
                continue;
            }
            let frames = layout.b.frames(0x1000, 12, None);
            let Some((fixed, b)) = layout.fixed(domain) else {
                continue;
            };
            // Not cached, as the guest sees its devices' registers: so both see the same (Arm ARM B2.16).
            let vaddr = fixed.space.tool_range(0x1000, 12);
            fixed.space.map(b, frames, vaddr, DATA, false);
            shared.registers.push(DeviceRegisters {
                domain,
                device,
                frames,
                vaddr,
            });
        }
    }
}

fn rings(layout: &mut Layout, shared: &mut Shared) {
    let Some(serial) = layout.system.role(Role::Serial) else {
        return;
    };
    for domain in 0..layout.system.domains.len() {
        let Some((own, serials)) = layout.system.channel(domain, serial) else {
            continue;
        };
        let briefed =
            |(fixed, _): (&mut crate::layout::Static, _)| fixed.elf.symbol("molt_brief").is_some();
        if !layout.fixed(domain).is_some_and(briefed) {
            continue;
        }
        let (vaddr, reader) = both(layout, domain, serial, RING);
        let consoles = consoles(layout, domain, serial);
        let writer = Ring {
            vaddr,
            size: RING,
            channel: own as u32,
            reserved: 0,
        };
        shared.rings.push(SerialRing {
            domain,
            writer,
            reader,
            channel: serials as u32,
            consoles,
        });
    }
}

/// The consoles of a VMM's guest, as the VMM and as `serial` see them: the UART, and the virtio console where its doorbell has a port.
fn consoles(layout: &mut Layout, domain: DomainId, serial: DomainId) -> (Consoles, Consoles) {
    let described = &layout.system.domains[domain];
    let typed = !layout.system.domains[serial].irqs.is_empty();
    let there = |kind| match kind {
        Kind::Uart => described.machine.is_some(),
        Kind::Virtio => {
            let bell = described.machine.as_ref().and(described.any_doorbell());
            bell.is_some_and(|bell| bell.port)
        }
    };
    let there = KINDS.map(there);
    let mut all = (Consoles::default(), Consoles::default());
    for ((own, serials), there) in all.0.iter_mut().zip(&mut all.1).zip(there) {
        if !there {
            continue;
        }
        (own.output, serials.output) = both(layout, domain, serial, RING);
        (own.output_size, serials.output_size) = (RING, RING);
        if typed {
            (own.input, serials.input) = both(layout, domain, serial, TYPED);
            (own.input_size, serials.input_size) = (TYPED, TYPED);
        }
    }
    all
}

/// So many bytes that both PDs read and write: where they are in each.
fn both(layout: &mut Layout, a: DomainId, b: DomainId, bytes: u64) -> (u64, u64) {
    let frames = layout.b.frames(bytes, 12, None);
    let mut map = |domain| match layout.fixed(domain) {
        Some((fixed, b)) => fixed.space.map_tool(b, frames, DATA),
        None => 0,
    };
    (map(a), map(b))
}
