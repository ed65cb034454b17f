// SPDX-License-Identifier: BSD-2-Clause
//! Address space identifiers: the root table of each ASID. A pool is in the memory that it was made
//! from: 512 words, each the root table's physical address or 0.

use crate::{
    cap::Cap,
    error::{Error, LookupFailure},
    hardware::Hardware,
    invocation::{Call, Label, Outcome},
    kernel::Kernel,
    slots::SlotRef,
};

/// Pools that there can be.
pub(crate) const POOLS: usize = 128;
/// ASIDs of a pool.
const POOL_ASIDS: u16 = 512;
/// log2 of a pool's bytes.
const POOL_BITS: u8 = 12;

impl<H: Hardware> Kernel<H> {
    fn asid_entry(&self, asid: u16) -> Option<u64> {
        let pool = self
            .asid_pools
            .get(usize::from(asid / POOL_ASIDS))
            .copied()?;
        (pool != 0 && asid != 0).then(|| pool + 8 * u64::from(asid % POOL_ASIDS))
    }

    /// The root table of an ASID.
    pub(crate) fn root_of(&self, asid: u16) -> Option<u64> {
        let root = self.hw.read_word(self.asid_entry(asid)?);
        (root != 0).then_some(root)
    }

    /// Root and ASID of the address space in a slot, if it is one and still assigned.
    pub(crate) fn valid_vspace(&self, at: SlotRef) -> Option<(u64, u16)> {
        match self.slots.get(at).cap {
            Cap::VSpace { base, asid } if self.root_of(asid) == Some(base) => Some((base, asid)),
            _ => None,
        }
    }

    pub(crate) fn invoke_asid_control(&mut self, call: &Call) -> Result<Outcome, Error> {
        if call.label != Label::ASID_CONTROL_MAKE_POOL {
            return Err(Error::IllegalOperation);
        }
        call.require(2, 2)?;
        let free = self.asid_pools.iter().position(|p| *p == 0);
        let Some(index) = free else {
            return Err(Error::DeleteFirst);
        };
        let (untyped, cap) = call.cap(0)?;
        let Cap::Untyped {
            base,
            bits: POOL_BITS,
            device: false,
            ..
        } = cap
        else {
            return Err(Error::InvalidCapability(1));
        };
        if self.first_child(untyped).is_some() {
            return Err(Error::RevokeFirst);
        }
        let at = self.lookup_empty(call.cap(1)?.1, call.word(0)?, call.word(1)?)?;
        self.slots.set_cap(
            untyped,
            Cap::Untyped {
                base,
                used: 1 << POOL_BITS,
                bits: POOL_BITS,
                device: false,
            },
        );
        self.hw.clear(base, 1 << POOL_BITS);
        let pool = self.add_pool(index, base);
        self.slots.derive(untyped, at, pool);
        Ok(Outcome::Done)
    }

    /// Put a pool, whose memory is clear, at a place.
    pub(crate) fn add_pool(&mut self, index: usize, base: u64) -> Cap {
        if let Some(place) = self.asid_pools.get_mut(index) {
            *place = base;
        }
        Cap::AsidPool {
            base,
            first: index as u16 * POOL_ASIDS,
        }
    }

    pub(crate) fn invoke_asid_pool(
        &mut self,
        base: u64,
        first: u16,
        call: &Call,
    ) -> Result<Outcome, Error> {
        if call.label != Label::ASID_POOL_ASSIGN {
            return Err(Error::IllegalOperation);
        }
        let (at, cap) = call.cap(0)?;
        let Cap::VSpace {
            base: root,
            asid: 0,
        } = cap
        else {
            return Err(Error::InvalidCapability(1));
        };
        match self.asid_pools.get(usize::from(first / POOL_ASIDS)) {
            Some(pool) if *pool == base => {}
            Some(0) => return Err(Error::FailedLookup(false, LookupFailure::InvalidRoot)),
            _ => return Err(Error::InvalidCapability(0)),
        }
        let asid = self.assign_asid(first, root).ok_or(Error::DeleteFirst)?;
        self.slots.set_cap(at, Cap::VSpace { base: root, asid });
        Ok(Outcome::Done)
    }

    /// Take a free ASID of a pool for a root table.
    pub(crate) fn assign_asid(&mut self, first: u16, root: u64) -> Option<u16> {
        let asid = (first..=first + (POOL_ASIDS - 1))
            .find(|asid| *asid != 0 && self.root_of(*asid).is_none())?;
        let entry = self.asid_entry(asid)?;
        self.hw.write_word(entry, root);
        Some(asid)
    }

    /// The root table goes.
    pub(crate) fn delete_vspace(&mut self, base: u64, asid: u16) {
        if self.root_of(asid) == Some(base)
            && let Some(entry) = self.asid_entry(asid)
        {
            self.hw.tlb_invalidate_asid(asid);
            self.hw.write_word(entry, 0);
        }
    }

    /// The pool goes, and every address space in it loses its ASID.
    pub(crate) fn delete_asid_pool(&mut self, base: u64, first: u16) {
        if self.asid_pools.get(usize::from(first / POOL_ASIDS)) != Some(&base) {
            return;
        }
        for asid in first..=first + (POOL_ASIDS - 1) {
            if self.root_of(asid).is_some() {
                self.hw.tlb_invalidate_asid(asid);
            }
        }
        if let Some(place) = self.asid_pools.get_mut(usize::from(first / POOL_ASIDS)) {
            *place = 0;
        }
    }
}
