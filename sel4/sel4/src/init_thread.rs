// SPDX-License-Identifier: BSD-2-Clause
//! The root task's CSpace.

use core::{marker::PhantomData, ops::Range};

use crate::{CPtr, CPtrBits, Cap, CapType, cap_type, sys};

/// A slot of the root task's CNode.
#[derive(Debug, Copy, Clone, Ord, PartialOrd, Eq, PartialEq, Hash)]
pub struct Slot<T: CapType = cap_type::Unspecified> {
    index: usize,
    _phantom: PhantomData<T>,
}

impl<T: CapType> Slot<T> {
    /// Slot `index`.
    pub const fn from_index(index: usize) -> Self {
        Self {
            index,
            _phantom: PhantomData,
        }
    }

    /// Its index.
    pub const fn index(&self) -> usize {
        self.index
    }

    /// The pointer to it, as bits.
    pub const fn cptr_bits(&self) -> CPtrBits {
        self.index as CPtrBits
    }

    /// The pointer to it.
    pub const fn cptr(&self) -> CPtr {
        CPtr::from_bits(self.cptr_bits())
    }

    /// The capability in it.
    pub const fn cap(&self) -> Cap<T> {
        self.cptr().cast()
    }

    /// The same slot, taken to hold something else.
    pub const fn cast<T1: CapType>(&self) -> Slot<T1> {
        Slot::from_index(self.index)
    }

    /// The same slot, taken to hold anything.
    pub const fn upcast(&self) -> Slot {
        self.cast()
    }
}

impl Slot {
    /// The same slot, taken to hold a `T`.
    pub const fn downcast<T: CapType>(&self) -> Slot<T> {
        self.cast()
    }
}

/// A run of slots (`seL4_SlotRegion`).
#[derive(Debug, Clone, Eq, PartialEq)]
pub struct SlotRegion<T: CapType> {
    range: Range<usize>,
    _phantom: PhantomData<T>,
}

#[allow(clippy::len_without_is_empty)]
impl<T: CapType> SlotRegion<T> {
    pub(crate) const fn from_sys(region: sys::seL4_SlotRegion) -> Self {
        Self {
            range: region.start as usize..region.end as usize,
            _phantom: PhantomData,
        }
    }

    /// The first slot's index.
    pub const fn start(&self) -> usize {
        self.range.start
    }

    /// The index after the last slot.
    pub const fn end(&self) -> usize {
        self.range.end
    }

    /// The slots' indices.
    pub const fn range(&self) -> Range<usize> {
        self.start()..self.end()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.range.len()
    }

    /// Slot `i` of the run.
    ///
    /// # Panics
    /// If there is no such slot.
    pub fn index(&self, i: usize) -> Slot<T> {
        assert!(i < self.len());
        Slot::from_index(self.range.start + i)
    }
}

/// Slots that the kernel fills.
pub mod slot {
    use super::{Slot, cap_type};
    pub use crate::arch::slots::*;

    /// Nothing.
    pub const NULL: Slot<cap_type::Null> = Slot::from_index(0);
    /// The root task's thread.
    pub const TCB: Slot<cap_type::Tcb> = Slot::from_index(1);
    /// Its CNode.
    pub const CNODE: Slot<cap_type::CNode> = Slot::from_index(2);
    /// Its address space.
    pub const VSPACE: Slot<cap_type::VSpace> = Slot::from_index(3);
    /// The authority over interrupts.
    pub const IRQ_CONTROL: Slot<cap_type::IrqControl> = Slot::from_index(4);
    /// The authority over ASIDs.
    pub const ASID_CONTROL: Slot<cap_type::AsidControl> = Slot::from_index(5);
    /// An ASID pool.
    pub const ASID_POOL: Slot<cap_type::AsidPool> = Slot::from_index(6);
    /// The page of the boot information.
    pub const BOOT_INFO_FRAME: Slot<cap_type::Granule> = Slot::from_index(9);
    /// The page of the IPC buffer.
    pub const IPC_BUFFER: Slot<cap_type::Granule> = Slot::from_index(10);
    /// The authority over domains.
    pub const DOMAIN_SET: Slot<cap_type::DomainSet> = Slot::from_index(11);
    /// The root task's scheduling context.
    pub const SC: Slot<cap_type::SchedContext> = Slot::from_index(14);
    /// Calls to the secure monitor.
    pub const SMC: Slot<cap_type::Null> = Slot::from_index(15);
}

/// Suspends the root task for ever.
pub fn suspend_self<T>() -> T {
    // An error, or a resume by somebody else: there is nothing more to do here.
    loop {
        let _ = slot::TCB.cap().tcb_suspend();
    }
}
