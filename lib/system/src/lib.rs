// SPDX-License-Identifier: BSD-2-Clause
//! The tables that the host tool writes and the PDs read.
//!
//! There are two kinds. The tables of [`boot`] are walked by `monitor`, the root task, to make every static PD.
//! A *brief* describes to one PD what it has to work with: addresses, channels, capabilities. It is a read-only mapping; its
//! address is in the PD's 8-byte symbol `molt_brief` and its size in bytes in `molt_brief_size`, both set by the tool. A PD
//! makes a byte slice of it and calls [`brief`]. `monitor` fills in physical addresses at boot.
//!
//! All tables are plain little-endian words (AArch64 and every host that runs the tool are little-endian), without
//! padding. Counted tables have a fixed size; the accessor of the same name yields the part that is used. A number that
//! may be absent is [`NONE`].
#![no_std]
#![forbid(unsafe_code)]

pub mod boot;
pub mod cspace;
mod driver;
mod flash;
mod header;
pub mod layout;
mod parts;
mod serial;
mod stage;
mod technique;
mod timer;
mod update;
mod vmm;

pub use driver::{
    DriverBrief, DriverClient, DriverFirmware, DriverRing, MAX_DRIVER_CLIENTS, SHARE_WORDS,
};
pub use flash::{FlashBrief, FlashComponent, LOG_SIZE, SLOT_UNIT, STORE_CLIENT};
pub use header::{Brief, BriefError, BriefHeader, BriefKind, MAGIC, VERSION, brief};
pub use parts::{
    ConsoleRings, Entry, GUEST_CONSOLES, GatePages, Identity, NONE, Name, Ring, TrustKey, VaultSlot,
};
pub use serial::{MAX_SERIAL_CLIENTS, SerialBrief, SerialClient};
pub use stage::{
    IMAGE, MAX_KEYS, MAX_STAGINGS, MAX_TABLES, StageBrief, StageComponent, Staging, TableRange,
};
pub use technique::{HOLD, PAUSE, STAND_IN, UNPLUG, names_of_techniques};
pub use timer::{MAX_TIMER_CLIENTS, TimerBrief, TimerClient};
pub use update::{
    Arena, Authority, Bar, COPIES, ControlPage, DeviceFrames, Holder, MAX_ARENAS, MAX_BARS,
    MAX_CLIENTS, MAX_COMPONENTS, MAX_DEVICES, MAX_FIRMWARE, MAX_IRQS, MAX_MAPPINGS, MAX_OFFERS,
    MAX_REGIONS, MAX_SIGNALS, OfferLimit, OperatorLink, Region, RegionMapping, Signal, StageLink,
    StopRoutine, UpdateBrief, UpdateClient, UpdateComponent, UpdateFirmware, UpdateIoSpace,
    UpdateIrq, UpdatePassed, UpdatePci,
};
pub use vmm::{
    Class, GuestKind, ISOLATED, ImageRow, MAX_SHARES, PINNED, VmmBrief, VmmDoorbell, VmmGuest,
    VmmImages, VmmMemory, VmmShare, VmmStandIn,
};
