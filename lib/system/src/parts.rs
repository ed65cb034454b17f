// SPDX-License-Identifier: BSD-2-Clause
//! The small tables that several briefs share.

use crate::cspace;
use core::fmt;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A channel, identifier or slot that is not there.
pub const NONE: u32 = u32::MAX;

/// A name of at most 16 bytes, NUL padded.
#[derive(Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(transparent)]
pub struct Name(pub [u8; 16]);

impl Name {
    /// `text`, cut after 16 bytes.
    pub fn new(text: &str) -> Self {
        let mut name = [0; 16];
        for (to, from) in name.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        Name(name)
    }

    /// The name as text; empty where it is no UTF-8.
    pub fn as_str(&self) -> &str {
        let used = self.0.split(|b| *b == 0).next().unwrap_or_default();
        core::str::from_utf8(used).unwrap_or_default()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// An index into `update`'s vault (or `stage`'s workshop), a CNode of [`cspace::VAULT_BITS`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(transparent)]
pub struct VaultSlot(pub u32);

impl VaultSlot {
    /// No slot.
    pub const NONE: VaultSlot = VaultSlot(NONE);

    /// The capability pointer by which the vault's owner invokes what is in the slot.
    pub const fn cptr(self) -> u64 {
        cspace::vault_cptr(self.0)
    }

    /// The slot `n` further on.
    pub const fn after(self, n: u32) -> VaultSlot {
        VaultSlot(self.0 + n)
    }
}

/// The identifiers that a bundle for a component must name (`molt-bundle`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Identity {
    /// `class` of `<replaceable>`, the second part of the component identifier.
    pub name: Name,
    /// The vendor identifier.
    pub vendor: [u8; 16],
    /// The class identifier.
    pub class: [u8; 16],
    /// The device identifier.
    pub device: [u8; 16],
}

/// A key of a component's ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct TrustKey {
    /// [`TrustKey::P256`] or [`TrustKey::ED25519`]; 0: none.
    pub kind: u32,
    /// What it may sign: `molt-suit`'s roles.
    pub roles: u32,
    /// x and y of its point; or its encoded point, and zeros.
    pub point: [u8; 64],
}

impl TrustKey {
    /// A point of P-256.
    pub const P256: u32 = 1;
    /// A point of Ed25519.
    pub const ED25519: u32 = 2;
}

/// Where a generation begins: the same for all images of a component.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Entry {
    /// Initial stack pointer; the stack's pages end here.
    pub stack_top: u64,
    /// Bytes of stack, whole 4 KiB pages.
    pub stack_size: u64,
    /// The IPC buffer's page.
    pub ipc_buffer: u64,
    /// Where the driver's brief is mapped (read only).
    pub brief: u64,
    /// Bytes of the brief, whole 4 KiB pages.
    pub brief_size: u64,
}

/// The two gate pages of a client, 4 KiB each, as addresses in the PD whose brief this is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct GatePages {
    /// Written by `update`, read only in the client. 0: none.
    pub to_client: u64,
    /// Written by the client, read only in `update`. 0: none.
    pub to_update: u64,
}

/// Most consoles of a guest: `molt_terminal::KINDS`.
pub const GUEST_CONSOLES: usize = 2;

/// A guest's console (`molt_terminal`), as addresses in the PD whose brief this is. Both rings are mapped read-write at both ends.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ConsoleRings {
    /// What the guest prints; 0: there is no such console, or no channel with `serial`.
    pub output: u64,
    /// Its bytes.
    pub output_size: u64,
    /// What is typed for it; 0: nothing can be.
    pub input: u64,
    /// Its bytes.
    pub input_size: u64,
}

/// A byte stream to `serial` (`molt-trace::ring`), mapped read-write at both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Ring {
    /// Address in the PD whose brief this is; 0 if it has no channel with `serial`.
    pub vaddr: u64,
    /// Bytes, a power of two of at least 4 KiB.
    pub size: u64,
    /// Channel to signal `serial` on, or [`NONE`].
    pub channel: u32,
    /// 0
    pub reserved: u32,
}

impl Default for Ring {
    fn default() -> Self {
        Ring {
            vaddr: 0,
            size: 0,
            channel: NONE,
            reserved: 0,
        }
    }
}
