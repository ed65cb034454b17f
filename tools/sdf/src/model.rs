// SPDX-License-Identifier: BSD-2-Clause
//! The checked description. Everything that a later error may refer to keeps its [`Span`].

use std::ops::Range;

pub use crate::xml::At;
use crate::{Source, Span};
pub use sel4_config_tables::Arch;
use std::path::PathBuf;

mod pci;
mod technique;

pub use pci::{IoMap, IoPorts, IoSpace, Pci, PciFunction};
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

/// `<memory_region>`
#[derive(Clone, Debug)]
pub struct MemoryRegion {
    /// Unique name.
    pub name: String,
    /// Where the element is.
    pub span: Span,
    /// Bytes, whole pages.
    pub size: u64,
    /// 0x1000 or 0x20_0000.
    pub page_size: u64,
    /// Fixed physical address.
    pub phys_addr: Option<u64>,
    /// File that it is filled with, and the file's length in bytes.
    pub prefill: Option<(PathBuf, u64)>,
    /// In place of a file: what the kernel tells its root task under this number (`seL4_BootInfoID`).
    pub boot_info: Option<u64>,
    /// Ours: its capabilities can be taken away by `update`.
    pub revocable: bool,
}

/// Access that a mapping gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Rights {
    pub read: bool,
    pub write: bool,
    pub execute: bool,
}

/// `<map>`
#[derive(Clone, Debug)]
pub struct Map {
    /// The region.
    pub region: RegionId,
    /// Where the element is.
    pub span: Span,
    /// First address.
    pub vaddr: At<u64>,
    /// Access.
    pub rights: Rights,
    /// With caches.
    pub cached: bool,
}

/// `<irq>`
#[derive(Clone, Debug)]
pub struct Irq {
    /// Where the element is.
    pub span: Span,
    /// The GIC's number, the I/O APIC's pin, or what is in the message.
    pub number: At<u64>,
    /// Identifier in the PD.
    pub id: At<u64>,
    /// Edge, not level.
    pub edge: bool,
    /// What raises it.
    pub source: IrqSource,
}

impl Irq {
    /// What no two interrupts of a system have in common: the number, or on x86_64 the vector.
    #[must_use]
    pub fn unique(&self) -> u64 {
        match self.source {
            IrqSource::Gic => self.number.value,
            IrqSource::IoApic { vector, .. } | IrqSource::Msi { vector, .. } => vector,
        }
    }
}

/// What raises an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IrqSource {
    /// A line of the GIC.
    Gic,
    /// A pin of an I/O APIC.
    IoApic {
        /// Which I/O APIC.
        index: u64,
        /// The line is active when it is low.
        low: bool,
        /// Counted from the kernel's first one for user programs.
        vector: u64,
    },
    /// A message of a PCI function.
    Msi {
        /// The function.
        device: PciFunction,
        /// Counted from the kernel's first one for user programs.
        vector: u64,
    },
}

/// The value that a symbol is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetvarValue {
    /// A number known from the text.
    Number(u64),
    /// The physical address of a region.
    Address(RegionId),
}

/// `<setvar>`, or a `setvar_…` attribute.
#[derive(Clone, Debug)]
pub struct Setvar {
    /// The 8-byte symbol of the program image.
    pub symbol: At<String>,
    /// The value.
    pub value: SetvarValue,
}

/// Scheduling parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// 0 to 254.
    pub priority: u64,
    /// Microseconds per period.
    pub budget: u64,
    /// Microseconds.
    pub period: u64,
}

/// What kind of capability `<cspace>` places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are seL4's")]
pub enum ExtraCapability {
    Tcb,
    SchedContext,
    VSpace,
}

/// An element of `<cspace>`.
#[derive(Clone, Debug)]
pub struct ExtraCap {
    /// What.
    pub kind: ExtraCapability,
    /// Slot of the root CNode.
    pub slot: At<u64>,
    /// The PD whose capability it is.
    pub domain: DomainId,
}

/// A part that a PD plays for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the roles'")]
pub enum Role {
    Update,
    Stage,
    Serial,
    Timer,
    Flash,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 5] = [
        Self::Update,
        Self::Stage,
        Self::Serial,
        Self::Timer,
        Self::Flash,
    ];

    /// As `role="…"` has it.
    pub fn name(self) -> &'static str {
        match self {
            Role::Update => "update",
            Role::Stage => "stage",
            Role::Serial => "serial",
            Role::Timer => "timer",
            Role::Flash => "flash",
        }
    }
}

/// `<protection_domain>`
#[derive(Clone, Debug)]
pub struct ProtectionDomain {
    /// Unique name.
    pub name: String,
    /// Where its name is.
    pub span: Span,
    /// Scheduling.
    pub schedule: Schedule,
    /// The core that it runs on.
    pub cpu: At<u64>,
    /// The kernel's number of the scheduling domain that it runs in, where the system has such domains.
    pub scheduling_domain: Option<u64>,
    /// Runs on the scheduling contexts of its callers.
    pub passive: bool,
    /// Bytes of stack.
    pub stack_size: u64,
    /// Holds the SMC capability.
    pub smc: bool,
    /// May use the FPU.
    pub fpu: bool,
    /// Parent PD and identifier in it.
    pub parent: Option<(DomainId, u64)>,
    /// ELF file.
    pub image: At<String>,
    /// ELF file that has the symbols, if another.
    pub symbols: Option<At<String>>,
    /// Mappings.
    pub maps: Vec<Map>,
    /// Interrupts.
    pub irqs: Vec<Irq>,
    /// I/O ports.
    pub ioports: Vec<IoPorts>,
    /// Symbols to set.
    pub setvars: Vec<Setvar>,
    /// Further capabilities.
    pub cspace: Vec<ExtraCap>,
    /// Its virtual machine.
    pub machine: Option<VirtualMachine>,
    /// Ours: its role.
    pub role: Option<Role>,
    /// Ours: it is replaceable.
    pub replaceable: Option<Replaceable>,
    /// Ours: clients of a replaceable PD.
    pub clients: Vec<Client>,
    /// Ours: the doorbell of a native client.
    pub doorbell: Option<Doorbell>,
    /// Ours: what an operator at its port may do.
    pub operator: Option<Operator>,
}

/// `<operator>`
#[derive(Clone, Debug)]
pub struct Operator {
    /// Where the element is.
    pub span: Span,
    /// `molt_operator::May`, as a number.
    pub may: u32,
}

/// `<virtual_machine>`
#[derive(Clone, Debug)]
pub struct VirtualMachine {
    /// Unique name.
    pub name: String,
    /// Where its name is.
    pub span: Span,
    /// Scheduling of its vCPUs.
    pub schedule: Schedule,
    /// Its vCPUs.
    pub vcpus: Vec<Vcpu>,
    /// Stage-2 mappings.
    pub maps: Vec<Map>,
    /// Ours: the doorbell device.
    pub doorbell: Option<Doorbell>,
    /// Ours: what is loaded into guest memory.
    pub guest: Option<Guest>,
}

/// `<vcpu>`
#[derive(Clone, Debug)]
pub struct Vcpu {
    /// Identifier in the PD.
    pub id: At<u64>,
    /// The core that it runs on: its PD's unless `cpu` is given.
    pub cpu: At<u64>,
}

/// `<replaceable>`: times in microseconds.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names are the attributes'")]
pub struct Replaceable {
    pub span: Span,
    pub vendor: String,
    pub class: String,
    pub device: String,
    pub abi: u64,
    /// Bytes of each of the two arenas.
    pub arena: u64,
    pub bundle_slots: u64,
    /// Bytes of a bundle slot; the arena's size unless `bundle_size` is given.
    pub bundle_size: u64,
    pub quiesce_us: u64,
    pub ready_us: u64,
    pub probation_us: u64,
    pub probation_completions: u64,
    pub attempts: u64,
    pub relapses: u64,
    pub stop: Stop,
    /// Who may sign for it.
    pub trust: Vec<Trust>,
    /// Ours: where a PCI function is.
    pub pci: Option<Pci>,
    /// Ours: index of its device's address space.
    pub io_space: Option<usize>,
    /// Ours: the device runs firmware, which comes with the driver.
    pub firmware: Option<Firmware>,
}

/// `<firmware>` of `<replaceable>`: what the device runs.
#[derive(Clone, Debug)]
pub struct Firmware {
    /// Where the element is.
    pub span: Span,
    /// The file of the factory's.
    pub image: At<String>,
    /// Most bytes.
    pub size: u64,
    /// How long a transfer to the device may take, in us.
    pub transfer_us: u64,
}

/// `<trust>` of `<replaceable>`: a public key and what it may sign.
#[derive(Clone, Debug)]
pub struct Trust {
    /// Where the element is.
    pub span: Span,
    /// The key's file.
    pub key: At<String>,
    /// It may sign drivers.
    pub driver: bool,
    /// It may sign lists of keys.
    pub keys: bool,
}

/// How the device is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It does no DMA.
    None,
    /// virtio-mmio
    VirtioMmio,
    /// Standard SD host controller
    Sdhci,
    /// virtio over PCI
    VirtioPci,
}

/// `<client>` of a replaceable PD.
#[derive(Clone, Debug)]
pub struct Client {
    /// Where the element is.
    pub span: Span,
    /// The client.
    pub domain: DomainId,
    /// The queue's region; `None` for a client that drives the device itself, or reads a ROM.
    pub queue: Option<RegionId>,
    /// The memory that the device reads and writes for this client; `None` for a class whose device reaches none.
    pub memory: Option<RegionId>,
    /// Its share of the device, if the description gives one.
    pub share: Option<Share>,
    /// How long an update waits for it at the most, in us, if it defers it; 0: it may not.
    pub defer_us: u64,
    /// How it is denied the device.
    pub techniques: Techniques,
    /// The memory of a disk's stand-in.
    pub stand_in: Option<StandIn>,
}

impl Client {
    /// The sectors of its share of a disk.
    pub fn sectors(&self) -> Range<u64> {
        match self.share {
            Some(Share::Block {
                first_sector,
                sectors,
            }) => first_sector..first_sector.saturating_add(sectors),
            _ => 0..0,
        }
    }

    /// Whether its guest has to give the device up before each update: a disk with the technique `unplug`.
    pub fn gives_up(&self) -> bool {
        self.techniques.unplug && matches!(self.share, Some(Share::Block { .. }))
    }

    /// Where its guest reads the content of a ROM.
    pub fn rom(&self) -> Option<u64> {
        match self.share {
            Some(Share::Rom { vaddr }) => Some(vaddr),
            _ => None,
        }
    }

    /// Where its guest finds the device that it drives itself.
    pub fn passed(&self) -> Option<&PassThrough> {
        match &self.share {
            Some(Share::PassThrough(passed)) => Some(passed),
            _ => None,
        }
    }
}

/// The class of flash whose content clients read.
pub const ROM: &str = "rom";

/// The class of devices that a guest drives itself.
pub const PASS_THROUGH: &str = "pass-through";

/// A client's share of a device: the child element of `<client>`, which is named like the class of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// `<block>`: a part of a disk.
    Block {
        /// Its first sector.
        first_sector: u64,
        /// How many sectors.
        sectors: u64,
    },
    /// `<entropy>`: random numbers, of which there is no end.
    Entropy,
    /// `<network>`: a port of the switch.
    Network {
        /// The client's MAC address.
        mac: [u8; 6],
        /// Whether it may send from no other address.
        pinned: bool,
        /// Whether it exchanges frames only with the outside and with clients that are not isolated.
        isolated: bool,
    },
    /// `<sensor>`: a controller's sensors, each of which every client may read.
    Sensor,
    /// `<pass_through>`: the device itself, which the client's guest drives.
    PassThrough(PassThrough),
    /// `<rom>`: memory with the content of the flash, to read.
    Rom {
        /// Its guest-physical address.
        vaddr: u64,
    },
}

/// `<pass_through>`: where a guest finds a device that it drives itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassThrough {
    /// Guest-physical address of the device's pages.
    pub vaddr: u64,
    /// Its interrupt in the guest.
    pub irq: u64,
    /// The identifier under which the client gets the interrupt.
    pub id: u64,
    /// Where in the pages its registers are: offset and bytes, for the device tree.
    pub registers: (u64, u64),
}

impl Share {
    /// The class, as `<replaceable class=…>` names it.
    pub fn class(&self) -> &'static str {
        match self {
            Share::Block { .. } => "block",
            Share::Entropy => "entropy",
            Share::Network { .. } => "network",
            Share::Sensor => "sensor",
            Share::PassThrough(_) => PASS_THROUGH,
            Share::Rom { .. } => ROM,
        }
    }
}

/// `<doorbell>`
#[derive(Clone, Debug)]
pub struct Doorbell {
    /// Where the element is.
    pub span: Span,
    /// Its registers: none in a native client, nor in a guest that has the port alone.
    pub registers: Option<BellRegisters>,
    /// Whether the guest finds it on a port of its virtio console.
    pub port: bool,
    /// The staging region.
    pub staging: RegionId,
    /// The components that it may update.
    pub updates: Vec<DomainId>,
    /// What it may offer for some of them, each at most once.
    pub limits: Vec<Limit>,
}

/// A doorbell's registers in its guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BellRegisters {
    /// Their guest-physical address.
    pub vaddr: u64,
    /// Their interrupt.
    pub irq: u64,
}

/// `<limit>` of `<doorbell>`.
#[derive(Clone, Debug)]
pub struct Limit {
    /// Where the element is.
    pub span: Span,
    /// The component.
    pub component: DomainId,
    /// Most bytes of a bundle.
    pub bundle_size: Option<u64>,
    /// Most offers in a time.
    pub offers: Option<u64>,
    /// That time.
    pub per_us: u64,
    /// The operator has to approve each bundle.
    pub approval: bool,
}

/// `<guest>`
#[derive(Clone, Debug)]
pub struct Guest {
    /// Where the element is.
    pub span: Span,
    /// What it is.
    pub kind: GuestKind,
    /// The kernel's file (of a bare guest: its ELF).
    pub kernel: At<String>,
    /// The initial RAM disk's file.
    pub initrd: Option<At<String>>,
    /// The kernel's command line.
    pub cmdline: String,
    /// Its boot images are kept, so that it can be reset.
    pub reset: bool,
    /// How it stands still.
    pub pause: Pause,
}

/// What runs in a virtual machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestKind {
    /// A bare-metal program (ELF).
    Bare,
    /// Linux (an arm64 `Image`).
    Linux,
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

impl Map {
    /// Addresses that it takes, as half-open range.
    pub fn range(&self, system: &System) -> std::ops::Range<u64> {
        self.vaddr.value
            ..self
                .vaddr
                .value
                .saturating_add(system.region(self.region).size)
    }
}

impl ProtectionDomain {
    fn is_ours(&self) -> bool {
        let machine = self.machine.as_ref();
        self.role.is_some()
            || self.replaceable.is_some()
            || self.any_doorbell().is_some()
            || machine.is_some_and(|machine| machine.guest.is_some())
    }

    /// Its own doorbell or its virtual machine's.
    pub fn any_doorbell(&self) -> Option<&Doorbell> {
        self.doorbell
            .as_ref()
            .or(self.machine.as_ref().and_then(|m| m.doorbell.as_ref()))
    }
}
