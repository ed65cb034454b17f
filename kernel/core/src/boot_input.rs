// SPDX-License-Identifier: BSD-2-Clause
//! The information that the hardware-dependent part passes to the core at boot.

use core::ops::Range;

/// The machine and the root task's image. All addresses in bytes, ranges half open.
#[derive(Clone, Debug)]
pub struct BootInput<'a> {
    /// RAM that is free: neither the kernel, its heap, nor the root task's image. Page aligned,
    /// ascending, disjoint. The first range with room gives the root task's own objects.
    pub ram: &'a [Range<u64>],
    /// Physical address ranges of device memory, without the devices that the kernel keeps (GIC). They are page
    /// aligned, ascending and disjoint.
    pub device: &'a [Range<u64>],
    /// Where the root task's image lies. Page aligned.
    pub image: Range<u64>,
    /// Virtual address of the image's first byte. Page aligned.
    pub image_vaddr: u64,
    /// Virtual address at which the root task starts.
    pub entry: u64,
    /// Interrupt numbers below this exist at the controller.
    pub irq_count: u32,
    /// Interrupts that the kernel keeps for itself (its timer, maintenance, vPPI).
    pub reserved_irqs: &'a [u32],
}

/// Why there is no system.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BootError {
    /// No RAM range holds the root task's objects.
    NoMemory,
    /// The kernel's heap is too small.
    NoHeap,
    /// The root task's CNode has no slot left for a page of the image, or for an untyped.
    NoSlots,
    /// The image is not page aligned, or empty.
    BadImage,
}
