// SPDX-License-Identifier: BSD-2-Clause
//! What makes a protection domain replaceable.

use super::{At, Pci};
use crate::Span;

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
