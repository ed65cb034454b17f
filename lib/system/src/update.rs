// SPDX-License-Identifier: BSD-2-Clause
//! `update`'s brief, the *plan*: everything that is replaceable, and the capabilities over it.

use crate::header::{counted, is_brief};
use crate::{BriefHeader, Entry, GatePages, Identity, NONE, Name, Ring, VaultSlot};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Most components of a system.
pub const MAX_COMPONENTS: usize = 4;
/// Most revocable regions.
pub const MAX_REGIONS: usize = 32;
/// Most mappings of one revocable region.
pub const MAX_MAPPINGS: usize = 4;
/// Most clients of replaceable PDs.
pub const MAX_CLIENTS: usize = 8;
/// Arenas of a component.
pub const MAX_ARENAS: usize = 2;
/// Most device regions of a component.
pub const MAX_DEVICES: usize = 2;
/// Most interrupts of a component.
pub const MAX_IRQS: usize = 4;
/// Most offers that a limit can count.
pub const MAX_OFFERS: usize = 16;
/// Most signal capabilities of a generation.
pub const MAX_SIGNALS: usize = 16;

/// Vault slots that are kept for copies of originals: those of all components' grants, and of a firmware that is transferred. The
/// arenas share what is left.
pub const COPIES: u32 = 512;

/// How `update` stops a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum StopRoutine {
    /// There is nothing that does DMA: no step.
    None = 0,
    /// virtio-mmio: status 0, read back until it is 0 (virtio 1.2, 4.2.2.1 and 2.1.2).
    VirtioMmio = 1,
    /// Standard SD host controller: software reset for all, read back until it is clear (SD Host Controller Simplified
    /// Specification 3.00, 2.2.16).
    Sdhci = 2,
    /// virtio over PCI: bus mastering off, then status 0, read back until it is 0 (virtio 1.2, 4.1.4.3.1 and 2.1.2).
    VirtioPci = 3,
}

/// The PD that maps a revocable region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The running generation of the region's component.
    Generation,
    /// The client of this index, or its virtual machine.
    Client(usize),
}

/// `update`'s own capabilities, as vault slots.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Authority {
    /// SchedControl of the only core.
    pub sched_control: VaultSlot,
    /// `update`'s own TCB, the authority for priorities up to its maximum controlled priority.
    pub tcb: VaultSlot,
    /// `update`'s endpoint, unbadged, all rights: to mint the generations' fault endpoints from.
    pub endpoint: VaultSlot,
    /// `update`'s own scheduling context, to read its consumption.
    pub own_sc: VaultSlot,
    /// `stage`'s scheduling context.
    pub stage_sc: VaultSlot,
    /// First vault slot that is free for `update`'s copies.
    pub free_first: VaultSlot,
    /// How many slots are free.
    pub free_count: u32,
    /// 0
    pub reserved: u32,
}

/// How `update` talks with `stage` (`molt-control::stage`) or with `flash` (`molt-control::store`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct StageLink {
    /// The page of commands, 4 KiB, written by `update`, read only in the other. 0: there is no such PD.
    pub commands: u64,
    /// The page of results, 4 KiB, written by the other, read only in `update`.
    pub results: u64,
    /// The channel to the other one.
    pub channel: u32,
    /// 0
    pub reserved: u32,
}

/// A set of untypeds that a generation is made of.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Arena {
    /// The first untyped (originals).
    pub first: VaultSlot,
    /// So many.
    pub count: u32,
    /// Size of each in bits.
    pub size_bits: u32,
    /// 0
    pub reserved: u32,
    /// Orders to the generation in it: written by `update`, read only in the driver.
    pub orders: ControlPage,
    /// The generation's report and its capsule: written by the driver, cleared by `update` before it starts.
    pub report: ControlPage,
}

/// A device's frames. No mapping is made at boot; page tables are there in `update`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct DeviceFrames {
    /// The first frame (originals).
    pub first: VaultSlot,
    /// So many.
    pub count: u32,
    /// Size of each in bits (12 or 21).
    pub page_bits: u32,
    /// 0
    pub reserved: u32,
    /// Physical address.
    pub paddr: u64,
    /// Address in the driver (uncached, read-write).
    pub driver_vaddr: u64,
    /// Address at which `update` may map a copy of them (the page tables are there).
    pub update_vaddr: u64,
}

/// Base address registers that a function has at most.
pub const MAX_BARS: usize = 4;

/// A base address register, and what it is set to.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Bar {
    /// Its index.
    pub index: u32,
    /// 0
    pub reserved: u32,
    /// Physical address.
    pub paddr: u64,
}

/// The PCI function that a component's device is. `update` alone writes its configuration space and its table of messages.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct UpdatePci {
    /// 1: it is one, 0: it is none.
    pub present: u32,
    /// Used part of `bars`.
    pub bar_count: u32,
    /// The configuration space: one page, which a generation gets to read.
    pub configuration: DeviceFrames,
    /// The table of messages: one page, which nobody else gets.
    pub messages: DeviceFrames,
    /// What the first message carries.
    pub message: u32,
    /// 0
    pub reserved: u32,
    /// Base address registers.
    pub bars: [Bar; MAX_BARS],
}

impl UpdatePci {
    counted!(/** Base address registers. */ bars: Bar, bar_count);
}

/// The address space of a component's device behind an IOMMU.
///
/// Its tables are made at boot, and what the clients own is mapped in them for good; all of it hangs below one table of the
/// second level, which is mapped and unmapped as a whole.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct UpdateIoSpace {
    /// 1: there is one, 0: there is none.
    pub present: u32,
    /// 0
    pub reserved: u32,
    /// The address space.
    pub space: VaultSlot,
    /// The table that everything hangs below (the original).
    pub table: VaultSlot,
    /// First address that it translates.
    pub address: u64,
}

/// An interrupt of a component.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct UpdateIrq {
    /// The handler's original.
    pub handler: VaultSlot,
    /// The interrupt's number as the GIC counts.
    pub number: u32,
    /// The driver's identifier of it: badge `1 << id`, slot [`crate::cspace::IRQ`]` + id`.
    pub id: u32,
    /// 1: edge triggered.
    pub edge: u32,
}

/// A capability that every generation's CNode is given a copy of.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Signal {
    /// Slot in the generation's CNode.
    pub slot: u32,
    /// The badged notification to copy, rights and all.
    pub capability: VaultSlot,
}

/// A page that `update` shares with the generations that are built in one arena.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ControlPage {
    /// A copy of the frame that is mapped nowhere. `update`'s own mapping was made through another.
    pub frame: VaultSlot,
    /// 0
    pub reserved: u32,
    /// Address in `update`, mapped.
    pub update_vaddr: u64,
    /// Address in the driver, page tables made by `stage`.
    pub driver_vaddr: u64,
}

/// Most bytes of firmware.
pub const MAX_FIRMWARE: u64 = 0x4_0000;

/// Firmware that comes with a component's driver.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct UpdateFirmware {
    /// Most bytes, at most [`MAX_FIRMWARE`]; 0: the device runs none that comes with its driver.
    pub size: u64,
    /// Address in a generation at which the next one's is mapped while it is transferred.
    pub next: u64,
    /// How long the transfer may take, in us.
    pub transfer_us: u64,
}

/// The client that drives a component's device itself, and where the first of the devices and the first interrupt go, from the
/// moment at which a generation is ready until the denial.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct UpdatePassed {
    /// 1: there is one, 0: the generations drive the device.
    pub present: u32,
    /// Index of the client.
    pub client: u32,
    /// The VSpace of its virtual machine.
    pub vspace: VaultSlot,
    /// The client's own CNode, of [`crate::cspace::MICROKIT_BITS`], without a guard.
    pub cnode: VaultSlot,
    /// The client's notification, unbadged.
    pub notification: VaultSlot,
    /// The client's identifier of the interrupt: badge `1 << irq`, slot [`crate::cspace::IRQ`]` + irq`.
    pub irq: u32,
    /// Guest-physical address of the registers.
    pub vaddr: u64,
}

/// A replaceable PD.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct UpdateComponent {
    /// The PD's name.
    pub name: Name,
    /// What its bundles must name.
    pub identity: Identity,
    /// Its arenas.
    pub arenas: [Arena; MAX_ARENAS],
    /// Its revocable regions: from this index of [`UpdateBrief::regions`] …
    pub first_region: u32,
    /// How many regions, from `first_region` on.
    pub region_count: u32,
    /// The durable notification, unbadged.
    pub port: VaultSlot,
    /// A durable scheduling context; bound to whichever generation runs.
    pub sc: VaultSlot,
    /// Priority of its generations.
    pub priority: u32,
    /// A [`StopRoutine`] as a number.
    pub stop: u32,
    /// The techniques of its clients, all together ([`crate::HOLD`] and so on).
    pub technique: u32,
    /// `update`'s channel to the driver: badge bit of its signals, and its slot to signal it.
    pub channel: u32,
    /// The driver's channel to `update`.
    pub driver_channel: u32,
    /// Child identifier under which its generations' faults arrive.
    pub child: u32,
    /// Bundle slots that `stage` has for it; slot 0 holds the factory image at start.
    pub bundle_slots: u32,
    /// Bytes of a bundle slot.
    pub bundle_slot_size: u32,
    /// Budget in us per period.
    pub budget_us: u64,
    /// Period in us.
    pub period_us: u64,
    /// Deadline of quiesce, in us.
    pub quiesce_us: u64,
    /// Deadline from start to ready, in us.
    pub ready_us: u64,
    /// Deadline of probation, in us.
    pub probation_us: u64,
    /// Completions that end probation early.
    pub probation_completions: u32,
    /// How often the committed image is started before the component is out of service.
    pub attempts: u32,
    /// Sequence number of the factory bundle in slot 0.
    pub factory_sequence: u64,
    /// Where its generations begin.
    pub entry: Entry,
    /// Used part of `devices`.
    pub device_count: u32,
    /// Used part of `irqs`.
    pub irq_count: u32,
    /// Used part of `signals`.
    pub signal_count: u32,
    /// How often in a row the committed image may fail soon after it has passed probation.
    pub relapses: u32,
    /// Device regions; the first is the register window of the stop routine.
    pub devices: [DeviceFrames; MAX_DEVICES],
    /// Interrupts.
    pub irqs: [UpdateIrq; MAX_IRQS],
    /// Signal capabilities.
    pub signals: [Signal; MAX_SIGNALS],
    /// The PCI function that the device is.
    pub pci: UpdatePci,
    /// The device's address space.
    pub io_space: UpdateIoSpace,
    /// Firmware that comes with its driver.
    pub firmware: UpdateFirmware,
    /// The client that drives the device itself.
    pub passed: UpdatePassed,
}

impl UpdateComponent {
    counted!(/** The device regions. */ devices: DeviceFrames, device_count);
    counted!(/** The interrupts. */ irqs: UpdateIrq, irq_count);
    counted!(/** What goes into each generation's CNode. */ signals: Signal, signal_count);

    /// The stop routine, if the number is one.
    pub fn stop_routine(&self) -> Option<StopRoutine> {
        match self.stop {
            0 => Some(StopRoutine::None),
            1 => Some(StopRoutine::VirtioMmio),
            2 => Some(StopRoutine::Sdhci),
            3 => Some(StopRoutine::VirtioPci),
            _ => None,
        }
    }
}

/// One mapping of a revocable region.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct RegionMapping {
    /// [`NONE`]: the running generation; else the index of a client.
    pub holder: u32,
    /// The client's VSpace; [`VaultSlot::NONE`] for the generation's, which changes.
    pub vspace: VaultSlot,
    /// Address of the first page.
    pub vaddr: u64,
    /// CapRights (bit 0 write, bit 1 read).
    pub rights: u32,
    /// VM attributes (1 cacheable, 4 execute-never).
    pub attributes: u32,
}

impl RegionMapping {
    /// The PD that maps it.
    pub fn holder(&self) -> Holder {
        match self.holder {
            NONE => Holder::Generation,
            index => Holder::Client(index as usize),
        }
    }
}

/// A revocable region: mapped nowhere at boot, page tables made in every static PD that has it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Region {
    /// Its name (cut).
    pub name: Name,
    /// The first frame (originals).
    pub first: VaultSlot,
    /// How many frames.
    pub count: u32,
    /// Size of each in bits (12 or 21).
    pub page_bits: u32,
    /// Index of the component whose driver maps it.
    pub component: u32,
    /// Bytes.
    pub size: u64,
    /// Physical address, filled in by `monitor`.
    pub paddr: u64,
    /// Used part of `mappings`.
    pub mapping_count: u32,
    /// Access that the component's device has to it behind an IOMMU (bit 0 write, bit 1 read); 0: none.
    pub io_rights: u32,
    /// The device's address of it.
    pub io_address: u64,
    /// 1: its clients get it when the generation is ready, since the generation fills it first; 0: when the generation does.
    pub when_ready: u32,
    /// 0
    pub reserved: u32,
    /// Its mappings.
    pub mappings: [RegionMapping; MAX_MAPPINGS],
}

impl Region {
    counted!(/** The mappings. */ mappings: RegionMapping, mapping_count);
}

/// What a client may offer for one component. All zeros: no limits.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct OfferLimit {
    /// Most bytes of a bundle; 0: as many as the staging region has.
    pub bundle_size: u64,
    /// Most offers in `per_us`, at most [`MAX_OFFERS`]; 0: any number.
    pub offers: u32,
    /// 1: the operator has to approve each bundle.
    pub approval: u32,
    /// The time in which so many offers may be made, in us.
    pub per_us: u64,
}

/// A client: a VMM or a native PD with a share of a replaceable PD's device.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct UpdateClient {
    /// The PD's name.
    pub name: Name,
    /// `update`'s channel to it.
    pub channel: u32,
    /// Its child identifier: its faults arrive as `1 << 62 | child`, its TCB is in slot [`crate::cspace::CHILD_TCB`]` + child`.
    pub child: u32,
    /// Its gate pages in `update`.
    pub gate: GatePages,
    /// Bit c: it is a client of component c.
    pub components: u32,
    /// Bit c: its doorbell may offer updates of component c. 0: no doorbell.
    pub may_update: u32,
    /// Bytes of its staging region.
    pub staging_size: u64,
    /// Its scheduling context, to read its consumption.
    pub sc: VaultSlot,
    /// Index of its staging region in [`crate::StageBrief::stagings`], or [`NONE`].
    pub staging: u32,
    /// What it may offer, by component.
    pub limits: [OfferLimit; MAX_COMPONENTS],
    /// How long an update of each component waits for it at the most, in us; 0: it may not defer it.
    pub defer_us: [u64; MAX_COMPONENTS],
    /// Bit c: it has to give the device of component c up before each update: an update that has waited for that in vain ends.
    pub consents: u64,
}

/// What an operator types at the console's port.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct OperatorLink {
    /// The ring that `serial` writes to; 0: there is no operator.
    pub ring: u64,
    /// Bytes of the ring.
    pub size: u64,
    /// The channel to `serial`, which is told when there is room again.
    pub channel: u32,
    /// What the operator may do: `molt_operator::May`.
    pub may: u32,
}

/// The plan.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct UpdateBrief {
    /// Header.
    pub header: BriefHeader,
    /// Its console.
    pub log: Ring,
    /// Its own capabilities.
    pub authority: Authority,
    /// The way to `stage`.
    pub stage: StageLink,
    /// The way to `flash`, if there is one.
    pub store: StageLink,
    /// The operator.
    pub operator: OperatorLink,
    /// Channel of `timer` (protected procedure and notification), or [`NONE`].
    pub timer_channel: u32,
    /// Used part of `components`.
    pub component_count: u32,
    /// Used part of `regions`.
    pub region_count: u32,
    /// Used part of `clients`.
    pub client_count: u32,
    /// Replaceable PDs.
    pub components: [UpdateComponent; MAX_COMPONENTS],
    /// Revocable regions, those of one component side by side.
    pub regions: [Region; MAX_REGIONS],
    /// Clients.
    pub clients: [UpdateClient; MAX_CLIENTS],
}

impl UpdateBrief {
    counted!(/** The replaceable PDs. */ components: UpdateComponent, component_count);
    counted!(/** The revocable regions. */ regions: Region, region_count);
    counted!(/** The clients. */ clients: UpdateClient, client_count);
}

is_brief!(UpdateBrief, Update);
