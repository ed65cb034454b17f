// SPDX-License-Identifier: BSD-2-Clause
//! Resolves capability addresses: finds the slot of a CPtr.

use crate::{
    cap::Cap,
    error::{Error, LookupFailure},
    hardware::Hardware,
    kernel::Kernel,
    objects::TCB_CSPACE,
    slots::SlotRef,
};

/// Bits of a capability address.
const WORD_BITS: u64 = 64;

impl<H: Hardware> Kernel<H> {
    /// Resolve `depth` bits of `address` from `root`: the slot, and the bits that are left because
    /// a slot on the way holds no CNode.
    #[inline]
    fn resolve(
        &self,
        root: Cap,
        address: u64,
        depth: u64,
    ) -> Result<(SlotRef, u64), LookupFailure> {
        let mut node = root;
        let mut left = depth;
        // The rest of the address, at the top of the word. `depth` is 1..=64.
        let mut rest = address << (WORD_BITS - depth);
        while let Cap::CNode {
            id,
            radix,
            guard_size,
            guard,
        } = node
        {
            let (radix, guard_size) = (u64::from(radix), u64::from(guard_size));
            let found = match guard_size {
                0 => 0,
                _ => rest >> (WORD_BITS - guard_size),
            };
            if guard_size > left || found != guard {
                return Err(LookupFailure::GuardMismatch {
                    bits_left: left,
                    guard,
                    guard_size,
                });
            }
            if radix + guard_size > left {
                return Err(LookupFailure::DepthMismatch {
                    bits_left: left,
                    bits_found: radix + guard_size,
                });
            }
            // A CNode has two slots at least, so the guard is shorter than the word.
            let at = SlotRef {
                table: id,
                index: (rest << guard_size >> (WORD_BITS - radix)) as u32,
            };
            left -= guard_size + radix;
            if left == 0 {
                return Ok((at, 0));
            }
            rest <<= guard_size + radix;
            node = self.slots.get(at).cap;
            if !matches!(node, Cap::CNode { .. }) {
                return Ok((at, left));
            }
        }
        Err(LookupFailure::InvalidRoot)
    }

    /// A capability address of a thread.
    pub(crate) fn lookup(&self, thread: u32, address: u64) -> Result<SlotRef, LookupFailure> {
        let root = self.slots.get(self.tcb_slot(thread, TCB_CSPACE)).cap;
        self.resolve(root, address, WORD_BITS).map(|(at, _)| at)
    }

    /// A slot named by root, index and depth, all of the depth used up.
    pub(crate) fn lookup_target(
        &self,
        root: Cap,
        index: u64,
        depth: u64,
        source: bool,
    ) -> Result<SlotRef, Error> {
        if !matches!(root, Cap::CNode { .. }) {
            return Err(Error::FailedLookup(source, LookupFailure::InvalidRoot));
        }
        if !(1..=WORD_BITS).contains(&depth) {
            return Err(Error::Range(1, WORD_BITS));
        }
        match self.resolve(root, index, depth) {
            Ok((at, 0)) => Ok(at),
            Ok((_, left)) => Err(Error::FailedLookup(
                source,
                LookupFailure::DepthMismatch {
                    bits_left: left,
                    bits_found: 0,
                },
            )),
            Err(failure) => Err(Error::FailedLookup(source, failure)),
        }
    }

    /// A destination: as [`Kernel::lookup_target`], and it must be empty. It is made writable.
    pub(crate) fn lookup_empty(
        &mut self,
        root: Cap,
        index: u64,
        depth: u64,
    ) -> Result<SlotRef, Error> {
        let at = self.lookup_target(root, index, depth, false)?;
        self.require_empty(at)?;
        Ok(at)
    }

    /// A slot that something is about to be put into.
    pub(crate) fn require_empty(&mut self, at: SlotRef) -> Result<(), Error> {
        if !self.slots.get(at).cap.is_null() {
            return Err(Error::DeleteFirst);
        }
        self.slots.prepare(at)?;
        Ok(())
    }
}
