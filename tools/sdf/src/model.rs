// SPDX-License-Identifier: BSD-2-Clause
//! The checked description. Everything that a later error may refer to keeps its [`Span`].

mod client;
mod domain;
mod guest;
mod irq;
mod memory;
mod pci;
mod replaceable;
mod technique;

pub use crate::xml::At;
use crate::{Source, Span};
pub use client::{Client, PASS_THROUGH, PassThrough, ROM, Share};
pub use domain::{
    ExtraCap, ExtraCapability, Operator, ProtectionDomain, Role, Schedule, Setvar, SetvarValue,
};
pub use guest::{BellRegisters, Doorbell, Guest, GuestKind, Limit, Vcpu, VirtualMachine};
pub use irq::{Irq, IrqSource};
pub use memory::{Map, MemoryRegion, Rights};
pub use pci::{IoMap, IoPorts, IoSpace, Pci, PciFunction};
pub use replaceable::{Firmware, Replaceable, Stop, Trust};
pub use sel4_config_tables::Arch;
pub use technique::{Pause, StandIn, Techniques};

/// Index into [`System::domains`].
pub type DomainId = usize;
/// Index into [`System::regions`].
pub type RegionId = usize;

/// A whole system.
#[derive(Clone, Debug, Default)]
pub struct System {
    /// What it was read from.
    pub source: Source,
    /// Memory regions in the order of the text.
    pub regions: Vec<MemoryRegion>,
    /// Protection domains in the order of the text, a parent before its children.
    pub domains: Vec<ProtectionDomain>,
    /// Channels in the order of the text.
    pub channels: Vec<Channel>,
    /// Devices' address spaces in the order of the text; none but on x86_64.
    pub io_spaces: Vec<IoSpace>,
    /// The schedule of scheduling domains. `None`: all PDs are in one that always runs.
    pub domain_schedule: Option<DomainSchedule>,
}

/// `<domains>`: seL4's scheduling domains, which are no protection domains but groups of them, one of which runs at a time.
#[derive(Clone, Debug)]
pub struct DomainSchedule {
    /// Where the element is.
    pub span: Span,
    /// The domains in the order of the text, at least one.
    pub domains: Vec<SchedulingDomain>,
    /// What runs when, in the order of the text.
    pub entries: Vec<ScheduleEntry>,
    /// Index of the entry that it starts at, always one that a domain runs in.
    pub start: u64,
    /// How many of the kernel's entries stay free before the first one.
    pub shift: At<u64>,
}

/// `<domain>`
#[derive(Clone, Debug)]
pub struct SchedulingDomain {
    /// Unique name.
    pub name: String,
    /// The kernel's number of it: the one that is given, or else the smallest that is free.
    pub id: At<u64>,
}

/// `<schedule_entry>` or `<schedule_end_marker>`
#[derive(Clone, Debug)]
pub enum ScheduleEntry {
    /// A domain runs.
    Run {
        /// The kernel's number of the domain.
        domain: u64,
        /// How long it runs.
        duration: At<Duration>,
    },
    /// The schedule starts anew.
    End,
}

/// How long a scheduling domain runs, more than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duration {
    /// Microseconds.
    Us(u64),
    /// Ticks of the kernel's timer.
    Ticks(u64),
}

/// `<channel>`
#[derive(Clone, Debug)]
pub struct Channel {
    /// Where the element is.
    pub span: Span,
    /// Its ends.
    pub ends: [End; 2],
}

/// `<end>`
#[derive(Clone, Debug)]
pub struct End {
    /// Where the element is.
    pub span: Span,
    /// The PD.
    pub domain: DomainId,
    /// Identifier in it.
    pub id: At<u64>,
    /// May notify the other.
    pub notify: bool,
    /// May call the other.
    pub pp: bool,
}

impl System {
    /// The region, which a [`RegionId`] of this system always names.
    pub fn region(&self, id: RegionId) -> &MemoryRegion {
        &self.regions[id]
    }

    /// The PD with a role.
    pub fn role(&self, role: Role) -> Option<DomainId> {
        self.domains.iter().position(|d| d.role == Some(role))
    }

    /// Identifiers in `a` and in `b` of the first channel between them.
    pub fn channel(&self, a: DomainId, b: DomainId) -> Option<(u64, u64)> {
        self.channels.iter().find_map(|c| {
            let [x, y] = &c.ends;
            match (x.domain, y.domain) {
                (p, q) if (p, q) == (a, b) => Some((x.id.value, y.id.value)),
                (p, q) if (p, q) == (b, a) => Some((y.id.value, x.id.value)),
                _ => None,
            }
        })
    }

    /// Whether it has elements of ours: without any it is a plain Microkit system.
    pub fn is_ours(&self) -> bool {
        self.domains.iter().any(ProtectionDomain::is_ours)
            || self.regions.iter().any(|region| region.revocable)
    }

    /// The cores that something runs on, PD by PD.
    pub fn cores(&self) -> impl Iterator<Item = &At<u64>> {
        self.domains.iter().flat_map(|domain| {
            let vcpus = domain.machine.iter().flat_map(|machine| &machine.vcpus);
            std::iter::once(&domain.cpu).chain(vcpus.map(|vcpu| &vcpu.cpu))
        })
    }

    /// The replaceable PDs: a component's index is the order here.
    pub fn components(&self) -> Vec<DomainId> {
        (0..self.domains.len())
            .filter(|d| self.domains[*d].replaceable.is_some())
            .collect()
    }

    /// The memory in which the clients of a ROM read its content: the only revocable region that its PD maps.
    pub fn rom_content(&self, driver: DomainId) -> Option<RegionId> {
        let regions = self.domains[driver].maps.iter().map(|map| map.region);
        let mut revocable = regions.filter(|id| self.region(*id).revocable);
        revocable.next().filter(|_| revocable.next().is_none())
    }

    /// What a client's guest reads of ROMs: where, and the region with the content.
    pub fn roms(&self, client: DomainId) -> impl Iterator<Item = (u64, RegionId)> {
        (0..self.domains.len()).filter_map(move |driver| {
            let mut clients = self.domains[driver].clients.iter();
            let vaddr = clients.find_map(|c| c.rom().filter(|_| c.domain == client))?;
            Some((vaddr, self.rom_content(driver)?))
        })
    }

    /// The PDs that are clients of some component: a client's index is the order here.
    pub fn clients(&self) -> Vec<DomainId> {
        let is_client = |d: &DomainId| {
            self.domains
                .iter()
                .any(|p| p.clients.iter().any(|c| c.domain == *d))
        };
        (0..self.domains.len()).filter(is_client).collect()
    }

    /// Whether the PD waits on an endpoint: it has children or a virtual machine, or is called.
    pub fn needs_endpoint(&self, domain: DomainId) -> bool {
        let called = |c: &Channel| {
            let [a, b] = &c.ends;
            (a.pp && b.domain == domain) || (b.pp && a.domain == domain)
        };
        self.domains[domain].machine.is_some()
            || self
                .domains
                .iter()
                .any(|d| d.parent.is_some_and(|(p, _)| p == domain))
            || self.channels.iter().any(called)
    }
}
