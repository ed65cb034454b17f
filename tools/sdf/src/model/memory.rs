// SPDX-License-Identifier: BSD-2-Clause
//! Memory regions, and where they are mapped.

use std::path::PathBuf;

use super::{At, RegionId, System};
use crate::Span;

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
