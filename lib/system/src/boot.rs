// SPDX-License-Identifier: BSD-2-Clause
//! The packed system: the tables from which `monitor` makes all static PDs.
//!
//! The root task's image is `monitor`'s ELF, followed at the next page by these tables and the blob. Every object has a
//! number, which is the slot of its original in `monitor`'s CNode counted from the first empty one; a row that makes
//! several objects gives them numbers in sequence. `monitor` goes through the sections in the order of [`Header`]'s
//! fields. Page tables are objects like all others: the tool decides which ones each address space needs.
//!
//! A replaceable PD is not made here: only its arenas, its ports, and page tables for what will be mapped. Revocable regions
//! are mapped nowhere at boot; `update` grants them to generation 0 as to every later one.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `MOLTBOOT`
pub const MAGIC: u64 = u64::from_le_bytes(*b"MOLTBOOT");
/// Version of these tables.
pub const VERSION: u64 = 5;

/// Part of the packed system: `count` rows from `offset` bytes behind the header's beginning, aligned to 8.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Section {
    /// Bytes from the header's beginning.
    pub offset: u64,
    /// Rows (of the blob: bytes).
    pub count: u64,
}

/// The beginning of the packed system.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Header {
    /// [`MAGIC`]
    pub magic: u64,
    /// [`VERSION`]
    pub version: u64,
    /// Bytes of everything, blob included.
    pub size: u64,
    /// Objects numbered by the tables; `monitor` takes further slots behind them.
    pub slots: u64,
    /// Number of the endpoint that `monitor` waits on.
    pub monitor_endpoint: u32,
    /// Number of `monitor`'s reply object.
    pub monitor_reply: u32,
    /// Number of the UART's frame, or of its I/O ports, for `monitor`'s own messages; [`crate::NONE`]: none.
    pub uart: u32,
    /// The UART's kind, a number of `molt_uart::Kind`.
    pub uart_kind: u32,
    /// The UART's first port, where it has I/O ports.
    pub uart_port: u64,
    /// [`Object`]s to make.
    pub objects: Section,
    /// [`Irq`] handlers to make.
    pub irqs: Section,
    /// [`IoPorts`] to make; none but on x86_64.
    pub io_ports: Section,
    /// [`IoSpace`]s to make; none but on x86_64.
    pub io_spaces: Section,
    /// [`PageTable`]s to map, upper ones first.
    pub page_tables: Section,
    /// [`Fill`]s, those of one frame side by side.
    pub fills: Section,
    /// [`Mapping`]s.
    pub mappings: Section,
    /// [`IoTable`]s to map, upper ones first.
    pub io_tables: Section,
    /// [`IoMapping`]s.
    pub io_mappings: Section,
    /// [`Thread`]s: static PDs first (their index is the order here), then vCPUs.
    pub threads: Section,
    /// [`Placement`]s; after threads, since it moves capabilities away.
    pub placements: Section,
    /// [`ScheduleEntry`]s; none: all threads stay in the domain that the kernel puts them into.
    pub domain_schedule: Section,
    /// Entry at which the kernel's schedule starts, if there is a schedule.
    pub domain_start: u64,
    /// Source bytes of the fills, page aligned.
    pub blob: Section,
}

/// What an [`Object`] row makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Kind {
    /// Untyped memory of `size_bits`.
    Untyped = 0,
    /// TCB
    Tcb = 1,
    /// Endpoint
    Endpoint = 2,
    /// Notification
    Notification = 3,
    /// CNode of 2^`size_bits` slots
    CNode = 4,
    /// Scheduling context of 2^`size_bits` bytes
    SchedContext = 5,
    /// Reply object
    Reply = 6,
    /// VSpace (or stage 2), assigned in the root task's ASID pool
    VSpace = 8,
    /// Frame of 4 KiB
    SmallPage = 9,
    /// Frame of 2 MiB
    LargePage = 10,
    /// Page table; on x86_64 the last level's
    PageTable = 11,
    /// vCPU
    Vcpu = 12,
    /// x86_64's table of the second level
    Pdpt = 13,
    /// x86_64's table of the third level
    PageDirectory = 14,
    /// x86_64's table of a device's address space
    IoPageTable = 15,
    /// ASID pool, made through ASIDControl of an untyped of 4 KiB
    AsidPool = 32,
}

impl Kind {
    /// The kind of this number.
    pub fn from_number(number: u32) -> Option<Kind> {
        Some(match number {
            0 => Kind::Untyped,
            1 => Kind::Tcb,
            2 => Kind::Endpoint,
            3 => Kind::Notification,
            4 => Kind::CNode,
            5 => Kind::SchedContext,
            6 => Kind::Reply,
            8 => Kind::VSpace,
            9 => Kind::SmallPage,
            10 => Kind::LargePage,
            11 => Kind::PageTable,
            12 => Kind::Vcpu,
            13 => Kind::Pdpt,
            14 => Kind::PageDirectory,
            15 => Kind::IoPageTable,
            32 => Kind::AsidPool,
            _ => return None,
        })
    }
}

/// [`Object::flags`]: at the physical address given.
pub const FIXED: u32 = 1;

/// Objects to make: `count` of a kind, side by side in memory. Rows with [`FIXED`] come first, by rising address; then the
/// rest by falling size.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Object {
    /// A [`Kind`] as a number.
    pub kind: u32,
    /// User's size in bits (untyped: bytes, CNode: slots, scheduling context: bytes); else 0.
    pub size_bits: u32,
    /// How many objects.
    pub count: u32,
    /// Number of the first.
    pub first: u32,
    /// Physical address, with [`FIXED`].
    pub paddr: u64,
    /// [`FIXED`] or 0.
    pub flags: u32,
    /// log2 of the bytes that each takes; filled by the tool for kinds whose size the kernel's configuration fixes.
    pub memory_bits: u32,
}

/// [`Irq::kind`]: an interrupt of the GIC.
pub const IRQ_GIC: u32 = 0;
/// [`Irq::kind`]: a pin of an I/O APIC.
pub const IRQ_IOAPIC: u32 = 1;
/// [`Irq::kind`]: a message of a PCI function.
pub const IRQ_MSI: u32 = 2;

/// An IRQ handler to make.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Irq {
    /// The GIC's number, the pin, or the message's handle.
    pub number: u32,
    /// 1: edge triggered, 0: level.
    pub edge: u32,
    /// Number that the handler gets.
    pub handler: u32,
    /// Notification to bind it to, or [`crate::NONE`].
    pub notification: u32,
    /// Badge of the notification.
    pub badge: u64,
    /// The core that it is delivered to.
    pub core: u32,
    /// [`IRQ_GIC`], [`IRQ_IOAPIC`] or [`IRQ_MSI`].
    pub kind: u32,
    /// Which I/O APIC, or the PCI function (bus << 8 | device << 3 | function).
    pub source: u32,
    /// The vector, counted from the kernel's first one for user programs.
    pub vector: u32,
    /// 1: active low, 0: high (of a pin).
    pub low: u32,
    /// 0
    pub reserved: u32,
}

/// A capability to I/O ports to make.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct IoPorts {
    /// The first port.
    pub first: u32,
    /// The last port.
    pub last: u32,
    /// Number that the capability gets.
    pub ports: u32,
    /// 0
    pub reserved: u32,
}

/// A capability to a device's address space to make.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct IoSpace {
    /// The PCI function (bus << 8 | device << 3 | function).
    pub device: u32,
    /// The IOMMU's domain, one of its own for each device.
    pub domain: u32,
    /// Number that the capability gets.
    pub space: u32,
    /// 0
    pub reserved: u32,
}

/// A table of a device's address space to map.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct IoTable {
    /// The address space.
    pub space: u32,
    /// The table.
    pub table: u32,
    /// First address that it translates.
    pub address: u64,
}

/// Frames of 4 KiB to map for a device, each through a copy of its own.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct IoMapping {
    /// The address space.
    pub space: u32,
    /// The first frame.
    pub frame: u32,
    /// So many, their numbers and addresses in sequence.
    pub count: u32,
    /// CapRights (bit 0 write, bit 1 read).
    pub rights: u32,
    /// The device's address of the first.
    pub address: u64,
}

/// A page table to map.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct PageTable {
    /// The VSpace.
    pub vspace: u32,
    /// The page table.
    pub table: u32,
    /// First address that it translates.
    pub vaddr: u64,
    /// log2 of the bytes that it translates.
    pub bits: u32,
    /// 0
    pub reserved: u32,
}

/// [`Fill::kind`]: bytes of the blob.
pub const FILL_BLOB: u32 = 0;
/// [`Fill::kind`]: 8 bytes, the physical address of the frame of number `source`, plus `addend`.
pub const FILL_PADDR: u32 = 1;
/// [`Fill::kind`]: 8 bytes, the frequency of the counter that programs read time from, where only the kernel knows it.
pub const FILL_COUNTER: u32 = 2;
/// [`Fill::kind`]: what the kernel tells its root task under the number `source` (`seL4_BootInfoID`), header included, from byte
/// `length` on, as much as fits. If the kernel does not tell it, the frame stays zero.
pub const FILL_BOOT_INFO: u32 = 3;

/// Contents of a frame. What no fill touches is zero (seL4 clears frames).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Fill {
    /// The frame.
    pub frame: u32,
    /// Its size in bits.
    pub page_bits: u32,
    /// Offset in the frame.
    pub offset: u64,
    /// Offset in the blob, number of an object, or of an information.
    pub source: u64,
    /// Bytes of the blob, what to add to the physical address, or where in the information to begin.
    pub length: u64,
    /// [`FILL_BLOB`], [`FILL_PADDR`], [`FILL_COUNTER`] or [`FILL_BOOT_INFO`].
    pub kind: u32,
    /// 0
    pub reserved: u32,
}

/// Frames to map, each through a copy of its own.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Mapping {
    /// The VSpace.
    pub vspace: u32,
    /// The first frame.
    pub frame: u32,
    /// How many frames; their numbers and addresses are in sequence.
    pub count: u32,
    /// Size of each in bits.
    pub page_bits: u32,
    /// Address of the first.
    pub vaddr: u64,
    /// CapRights (bit 0 write, bit 1 read).
    pub rights: u32,
    /// VM attributes, the architecture's bits (`sel4::VmAttributes`).
    pub attributes: u32,
}

/// [`Placement::source`]: SchedControl of core 0 (copied).
pub const SOURCE_SCHED_CONTROL: u32 = 0xffff_ff01;
/// [`Placement::source`]: the SMC capability (copied).
pub const SOURCE_SMC: u32 = 0xffff_ff02;
/// [`Placement::flags`]: moved, not copied: the target gets the original.
pub const MOVE: u32 = 1;

/// A capability that is put into a CNode.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Placement {
    /// The CNode.
    pub cnode: u32,
    /// Its size in bits.
    pub cnode_bits: u32,
    /// The first slot.
    pub slot: u32,
    /// Number of the first object, or one of the `SOURCE_` constants.
    pub source: u32,
    /// How many capabilities; their slots and numbers are in sequence.
    pub count: u32,
    /// CapRights of a copy.
    pub rights: u32,
    /// Badge, or a CNode's guard; 0: neither.
    pub data: u64,
    /// [`MOVE`] or 0.
    pub flags: u32,
    /// 0
    pub reserved: u32,
}

/// [`Thread::flags`]: resumed at the end.
pub const START: u32 = 1;
/// [`Thread::flags`]: a static PD, whose faults (and wish to be passive) may come to `monitor`.
pub const PD: u32 = 2;
/// [`Thread::flags`]: may not use the FPU.
pub const NO_FPU: u32 = 4;

/// An entry of the kernel's domain schedule.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ScheduleEntry {
    /// Which entry, counted from 0.
    pub index: u32,
    /// The domain that runs; 0 where the schedule ends.
    pub domain: u32,
    /// Ticks of the kernel's timer, at most 56 bits; 0 where the schedule ends.
    pub ticks: u64,
    /// In place of ticks: microseconds, where only the kernel knows its timer's frequency; else 0.
    pub us: u64,
}

/// A thread to set up.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Thread {
    /// Name for messages (cut).
    pub name: crate::Name,
    /// The TCB.
    pub tcb: u32,
    /// CSpace root.
    pub cspace: u32,
    /// Guard of the CSpace root.
    pub cspace_data: u64,
    /// VSpace.
    pub vspace: u32,
    /// Frame of the IPC buffer.
    pub ipc_frame: u32,
    /// Address of the IPC buffer.
    pub ipc_buffer: u64,
    /// Scheduling context.
    pub sc: u32,
    /// Notification to bind, or [`crate::NONE`].
    pub notification: u32,
    /// vCPU to associate, or [`crate::NONE`].
    pub vcpu: u32,
    /// Endpoint for faults; [`crate::NONE`]: `monitor`'s own.
    pub fault_endpoint: u32,
    /// Badge of the fault endpoint.
    pub fault_badge: u64,
    /// Priority.
    pub priority: u32,
    /// Maximum controlled priority.
    pub mcp: u32,
    /// Budget in us.
    pub budget_us: u64,
    /// Period in us.
    pub period_us: u64,
    /// Badge of the scheduling context.
    pub sc_badge: u64,
    /// Initial program counter.
    pub pc: u64,
    /// Initial stack pointer.
    pub sp: u64,
    /// [`START`], [`PD`].
    pub flags: u32,
    /// Refills beyond the kernel's minimum.
    pub extra_refills: u32,
    /// The core that it runs on.
    pub core: u32,
    /// Domain that it runs in, or [`crate::NONE`]: the one that the kernel puts it into.
    pub domain: u32,
}

/// The packed system is damaged or of another version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootError {
    /// Too short or not aligned to 8.
    Layout,
    /// Another magic or version.
    Version,
    /// A section reaches beyond the end.
    Section,
}

/// A view of a packed system.
#[derive(Clone, Copy)]
pub struct System<'a> {
    bytes: &'a [u8],
    header: &'a Header,
}

impl<'a> System<'a> {
    /// The system that `bytes` begin with.
    ///
    /// # Errors
    /// When the header is not one or says more bytes than there are.
    pub fn new(bytes: &'a [u8]) -> Result<Self, BootError> {
        let (header, _) = Header::ref_from_prefix(bytes).map_err(|_| BootError::Layout)?;
        if header.magic != MAGIC || header.version != VERSION {
            return Err(BootError::Version);
        }
        let bytes = usize::try_from(header.size)
            .ok()
            .and_then(|n| bytes.get(..n))
            .ok_or(BootError::Layout)?;
        Ok(System { bytes, header })
    }

    /// The header.
    pub fn header(&self) -> &'a Header {
        self.header
    }

    /// The rows of a section of the header.
    ///
    /// # Errors
    /// When the section is not within the system.
    pub fn rows<T: FromBytes + Immutable + KnownLayout>(
        &self,
        section: Section,
    ) -> Result<&'a [T], BootError> {
        let start = usize::try_from(section.offset).map_err(|_| BootError::Section)?;
        let count = usize::try_from(section.count).map_err(|_| BootError::Section)?;
        let bytes = self.bytes.get(start..).ok_or(BootError::Section)?;
        let (rows, _) =
            <[T]>::ref_from_prefix_with_elems(bytes, count).map_err(|_| BootError::Section)?;
        Ok(rows)
    }
}
