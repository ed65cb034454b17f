// SPDX-License-Identifier: BSD-2-Clause
//! Virtual machines, the guests in them, and doorbells.

use super::{At, DomainId, Map, Pause, RegionId, Schedule};
use crate::Span;

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
