// SPDX-License-Identifier: BSD-2-Clause
//! The brief of a VMM, and of a native client (one without a virtual machine).

use crate::header::{counted, is_brief};
use crate::{BriefHeader, ConsoleRings, GUEST_CONSOLES, GatePages, NONE, Name, Ring, SHARE_WORDS};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Most shares of replaceable PDs' devices that one client has.
pub const MAX_SHARES: usize = 4;

/// What kind of device a share is of, and what its words mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Class {
    /// A disk. Word 0: first sector (512 bytes); word 1: sectors.
    Block = 1,
    /// A source of entropy; no words.
    Entropy = 2,
    /// A network. Word 0: the client's MAC address, its first byte the lowest; word 1: [`PINNED`], [`ISOLATED`].
    Network = 3,
    /// A controller's sensors; no words.
    Sensor = 4,
    /// A device that the guest drives itself. Word 0: guest-physical address of its registers; word 1: their bytes; word 2: its
    /// interrupt in the guest (INTID); word 3: the identifier under which the VMM gets it.
    PassThrough = 5,
    /// A ROM. Word 0: guest-physical address of the memory with its content; word 1: its bytes.
    Rom = 6,
}

impl Class {
    /// The class of this number.
    pub const fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Block),
            2 => Some(Self::Entropy),
            3 => Some(Self::Network),
            4 => Some(Self::Sensor),
            5 => Some(Self::PassThrough),
            6 => Some(Self::Rom),
            _ => None,
        }
    }
}

/// A client of a network may send from no other address than its own.
pub const PINNED: u64 = 1;
/// It exchanges frames only with the outside and with clients that are not isolated.
pub const ISOLATED: u64 = 2;

/// What runs in the virtual machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum GuestKind {
    /// No virtual machine: a native client.
    None = 0,
    /// A bare-metal guest: entered at `entry` with x0 = `device_tree` (0: none).
    Bare = 1,
    /// Linux: the boot protocol of the kernel's `Documentation/arch/arm64/booting.rst`.
    Linux = 2,
}

/// The virtual machine.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct VmmGuest {
    /// The virtual machine's name.
    pub name: Name,
    /// A [`GuestKind`] as a number.
    pub kind: u32,
    /// Its vCPUs: identifiers 0 to this, less one.
    pub vcpus: u32,
    /// Guest-physical address of the first instruction.
    pub entry: u64,
    /// Guest-physical address of the device tree.
    pub device_tree: u64,
    /// Guest-physical address of the initial RAM disk.
    pub initrd: u64,
    /// Its bytes.
    pub initrd_size: u64,
    /// Longest pause by the technique `pause`, in us.
    pub pause_limit_us: u64,
    /// 1: its clock shows the pauses.
    pub pause_shown: u64,
}

/// Guest memory (a native client's: what the device reads and writes).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct VmmMemory {
    /// Address in the VMM; 0: none.
    pub vaddr: u64,
    /// Guest-physical address; 0 for a native client.
    pub guest: u64,
    /// Bytes.
    pub size: u64,
}

/// The guest's boot images, which are kept for its resets: a table of [`ImageRow`]s, and behind it what they name. Mapped read-only.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct VmmImages {
    /// Address in the VMM; 0: they are not kept, and a reset ends the guest.
    pub vaddr: u64,
    /// Rows.
    pub count: u64,
    /// Bytes of the pages with which the VMM maps the guest's memory.
    pub page_size: u64,
}

/// A boot image, or a segment of one.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ImageRow {
    /// Where it is put: offset in the guest's memory.
    pub offset: u64,
    /// Where it is kept: offset from the table's first byte.
    pub at: u64,
    /// Its bytes.
    pub size: u64,
}

impl ImageRow {
    /// The rows of a table; none if it is no table.
    #[must_use]
    pub fn table(bytes: &[u8]) -> &[Self] {
        <[Self]>::ref_from_bytes(bytes).unwrap_or_default()
    }
}

/// The doorbell device.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct VmmDoorbell {
    /// 1: there is one.
    pub present: u32,
    /// The interrupt of its registers in the guest; 0: it has no registers, as a native client's.
    pub irq: u32,
    /// Guest-physical address of its registers.
    pub guest: u64,
    /// Guest-physical address of the staging region; 0 where the guest does not map it.
    pub staging_guest: u64,
    /// Address of the staging region in the PD itself; 0 where the PD does not map it.
    pub staging_vaddr: u64,
    /// Bytes of the staging region.
    pub staging_size: u64,
    /// Bit c: it may offer updates of component c.
    pub may_update: u32,
    /// 1: the guest finds it on a port too (`molt_doorbell::port`). The staging region is mapped for writing then.
    pub port: u32,
}

/// Memory of the technique `stand-in` for a disk.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct VmmStandIn {
    /// Address in the VMM.
    pub vaddr: u64,
    /// Bytes.
    pub size: u64,
    /// So many of them, the last ones, are the log.
    pub log: u64,
}

/// A share of a replaceable PD's device.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct VmmShare {
    /// The component's index: its words in the gate pages.
    pub component: u32,
    /// Channel to the driver.
    pub channel: u32,
    /// Address of the queue. Revocable: not mapped until the gate is open.
    pub queue: u64,
    /// 64-bit words of it.
    pub queue_words: u64,
    /// Address of the page in which the guest reads the device's registers; 0: none.
    pub registers: u64,
    /// A [`Class`] as a number.
    pub class: u32,
    /// The techniques of this client ([`crate::UNPLUG`] and so on); 0: its requests are held, and nothing else.
    pub technique: u32,
    /// The share, in the words of the class.
    pub share: [u64; SHARE_WORDS],
    /// The component's name.
    pub name: Name,
    /// A disk's stand-in.
    pub stand_in: VmmStandIn,
    /// How long an update of the component waits for this client at the most, in us; 0: it may not defer it.
    pub defer_us: u64,
}

/// What a VMM or a native client has to work with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct VmmBrief {
    /// Header.
    pub header: BriefHeader,
    /// The PD's name.
    pub name: Name,
    /// Its own lines for the console.
    pub log: Ring,
    /// Its guest's consoles, on the channel of `log`: the UART, the virtio console.
    pub consoles: [ConsoleRings; GUEST_CONSOLES],
    /// Channel of `timer`, or [`NONE`].
    pub timer_channel: u32,
    /// Channel of `update`, or [`NONE`].
    pub update_channel: u32,
    /// Its gate pages.
    pub gate: GatePages,
    /// Guest memory.
    pub memory: VmmMemory,
    /// The virtual machine.
    pub guest: VmmGuest,
    /// Its boot images.
    pub images: VmmImages,
    /// The doorbell.
    pub doorbell: VmmDoorbell,
    /// Used part of `shares`.
    pub share_count: u32,
    /// 0
    pub reserved: u32,
    /// Its shares of devices, in the order in which the guest sees them.
    pub shares: [VmmShare; MAX_SHARES],
}

impl VmmBrief {
    counted!(/** The shares. */ shares: VmmShare, share_count);

    /// What runs in the virtual machine, if the number is known.
    pub fn guest_kind(&self) -> Option<GuestKind> {
        match self.guest.kind {
            0 => Some(GuestKind::None),
            1 => Some(GuestKind::Bare),
            2 => Some(GuestKind::Linux),
            _ => None,
        }
    }
}

impl Default for VmmBrief {
    fn default() -> Self {
        VmmBrief {
            header: BriefHeader::default(),
            name: Name::default(),
            log: Ring::default(),
            consoles: Default::default(),
            timer_channel: NONE,
            update_channel: NONE,
            gate: GatePages::default(),
            memory: VmmMemory::default(),
            guest: VmmGuest::default(),
            images: VmmImages::default(),
            doorbell: VmmDoorbell::default(),
            share_count: 0,
            reserved: 0,
            shares: [VmmShare::default(); MAX_SHARES],
        }
    }
}

is_brief!(VmmBrief, Vmm);
