// SPDX-License-Identifier: BSD-2-Clause
//! Address spaces: frames and page tables in them. The tables are in the memory that they were made from.

use crate::{
    cap::{Cap, FrameSize},
    descriptor,
    error::{Error, LookupFailure},
    hardware::{CacheOperation, Hardware},
    invocation::{Call, Label, Outcome},
    kernel::Kernel,
    slots::SlotRef,
};

/// Highest user address.
const USER_TOP: u64 = (1 << 40) - 1;
/// Bits that an entry of the root covers, and that each further level resolves.
const ROOT_BITS: u32 = 30;
const LEVEL_BITS: u32 = 9;
const PAGE_BITS: u32 = 12;
const TABLE_BYTES: u64 = 4096;

/// Where a walk through the tables ended: an entry, and how many bits of address it covers.
struct Entry {
    place: u64,
    value: u64,
    bits: u32,
}

impl<H: Hardware> Kernel<H> {
    /// Walk down to the last table that there is, or to the entry that covers `stop` bits.
    fn walk(&self, root: u64, vaddr: u64, stop: u32) -> Entry {
        let mut bits = ROOT_BITS;
        let mut place = root + 8 * ((vaddr & USER_TOP) >> ROOT_BITS);
        loop {
            let value = self.hw.read_word(place);
            match descriptor::next_table(value) {
                Some(next) if bits > stop && bits > PAGE_BITS => {
                    bits -= LEVEL_BITS;
                    place = next + 8 * (vaddr >> bits & 511);
                }
                _ => return Entry { place, value, bits },
            }
        }
    }

    /// Where the entry that covers 2^bits bytes lies; the tables above it are there.
    pub(crate) fn entry_place(&self, root: u64, vaddr: u64, bits: u32) -> u64 {
        self.walk(root, vaddr, bits).place
    }

    /// Physical address of a page of an address space; frame bits.
    pub(crate) fn translate(&self, root: u64, vaddr: u64) -> Option<(u64, u32)> {
        let entry = self.walk(root, vaddr, PAGE_BITS);
        let leaf = entry.bits == PAGE_BITS || descriptor::next_table(entry.value).is_none();
        (descriptor::valid(entry.value) && leaf)
            .then(|| (descriptor::address(entry.value), entry.bits))
    }

    /// The address space named as the first extra capability: root and ASID.
    fn target_space(&self, call: &Call) -> Result<(u64, u16), Error> {
        let Cap::VSpace { base, asid } = call.cap(0)?.1 else {
            return Err(Error::InvalidCapability(1));
        };
        if asid == 0 {
            return Err(Error::InvalidCapability(1));
        }
        match self.root_of(asid) {
            None => Err(Error::FailedLookup(false, LookupFailure::InvalidRoot)),
            Some(root) if root != base => Err(Error::InvalidCapability(1)),
            Some(root) => Ok((root, asid)),
        }
    }

    pub(crate) fn invoke_page_table(&mut self, at: SlotRef, call: &Call) -> Result<Outcome, Error> {
        let cap = self.slots.get(at).cap;
        let Cap::PageTable { base, asid, .. } = cap else {
            return Err(Error::InvalidCapability(0));
        };
        match call.label {
            Label::PAGE_TABLE_UNMAP => {
                if !self.is_final(at) {
                    return Err(Error::RevokeFirst);
                }
                self.unmap_page_table(cap);
                self.hw.clear(base, TABLE_BYTES);
                self.slots.set_cap(
                    at,
                    Cap::PageTable {
                        base,
                        vaddr: 0,
                        asid: 0,
                    },
                );
                Ok(Outcome::Done)
            }
            Label::PAGE_TABLE_MAP => {
                call.require(2, 1)?;
                if asid != 0 {
                    return Err(Error::InvalidCapability(0));
                }
                let vaddr = call.word(0)?;
                let Cap::VSpace { asid: 1.., .. } = call.cap(0)?.1 else {
                    return Err(Error::InvalidCapability(1));
                };
                if vaddr > USER_TOP {
                    return Err(Error::InvalidArgument(0));
                }
                let (root, asid) = self.target_space(call)?;
                let entry = self.walk(root, vaddr, PAGE_BITS);
                if entry.bits == PAGE_BITS || descriptor::valid(entry.value) {
                    return Err(Error::DeleteFirst);
                }
                self.hw
                    .write_descriptor(entry.place, descriptor::table(base));
                self.slots.set_cap(
                    at,
                    Cap::PageTable {
                        base,
                        vaddr: vaddr & !((1 << entry.bits) - 1),
                        asid,
                    },
                );
                Ok(Outcome::Done)
            }
            _ => Err(Error::IllegalOperation),
        }
    }

    /// Unmap a table from its address space, with everything that is mapped through it.
    pub(crate) fn unmap_page_table(&mut self, cap: Cap) {
        let Cap::PageTable { base, vaddr, asid } = cap else {
            return;
        };
        let Some(root) = self.root_of(asid) else {
            return;
        };
        let mut stop = ROOT_BITS;
        while stop > PAGE_BITS {
            let entry = self.walk(root, vaddr, stop);
            if entry.bits != stop {
                return;
            }
            if descriptor::next_table(entry.value) == Some(base) {
                self.hw.write_descriptor(entry.place, 0);
                self.hw.tlb_invalidate_asid(asid);
                return;
            }
            stop -= LEVEL_BITS;
        }
    }

    pub(crate) fn invoke_frame(&mut self, at: SlotRef, call: &Call) -> Result<Outcome, Error> {
        let cap = self.slots.get(at).cap;
        let Cap::Frame {
            base,
            asid,
            size,
            device,
            rights,
            ..
        } = cap
        else {
            return Err(Error::InvalidCapability(0));
        };
        match call.label {
            Label::PAGE_MAP => self.map_frame(at, call),
            Label::PAGE_UNMAP => {
                self.unmap_frame(cap);
                self.slots.set_cap(
                    at,
                    Cap::Frame {
                        base,
                        vaddr: 0,
                        asid: 0,
                        size,
                        rights,
                        device,
                    },
                );
                Ok(Outcome::Done)
            }
            Label::PAGE_GET_ADDRESS => Ok(Outcome::Word(base)),
            label @ Label::PAGE_CLEAN..=Label::PAGE_UNIFY => {
                call.require(2, 0)?;
                if asid == 0 {
                    return Err(Error::IllegalOperation);
                }
                if self.root_of(asid).is_none() {
                    return Err(Error::FailedLookup(false, LookupFailure::InvalidRoot));
                }
                let (start, end) = (call.word(0)?, call.word(1)?);
                if end <= start {
                    return Err(Error::InvalidArgument(1));
                }
                if end > 1 << size.bits() {
                    return Err(Error::InvalidArgument(0));
                }
                if device {
                    return Err(Error::IllegalOperation);
                }
                self.maintain(label - Label::PAGE_CLEAN, base + start, end - start);
                Ok(Outcome::Done)
            }
            _ => Err(Error::IllegalOperation),
        }
    }

    fn maintain(&mut self, kind: u64, paddr: u64, bytes: u64) {
        let operation = match kind {
            0 => CacheOperation::Clean,
            // Never lose what another has written: seL4 cleans first as well.
            1 | 2 => CacheOperation::CleanInvalidate,
            _ => CacheOperation::UnifyInstruction,
        };
        self.hw.cache(operation, paddr, bytes);
    }

    fn map_frame(&mut self, at: SlotRef, call: &Call) -> Result<Outcome, Error> {
        let Cap::Frame {
            base,
            vaddr: mapped_at,
            asid: mapped_in,
            size,
            rights,
            device,
        } = self.slots.get(at).cap
        else {
            return Err(Error::InvalidCapability(0));
        };
        call.require(3, 1)?;
        let (vaddr, mask, attributes) = (call.word(0)?, call.word(1)?, call.word(2)?);
        let (root, asid) = self.target_space(call)?;
        if vaddr & ((1 << size.bits()) - 1) != 0 {
            return Err(Error::Alignment);
        }
        if mapped_in != 0 {
            if mapped_in != asid {
                return Err(Error::InvalidCapability(1));
            }
            if mapped_at != vaddr {
                return Err(Error::InvalidArgument(0));
            }
        } else if vaddr > USER_TOP || USER_TOP - vaddr < (1 << size.bits()) - 1 {
            return Err(Error::InvalidArgument(0));
        }
        // A large page does not go where a table is; but another page of the same size may be
        // mapped over.
        let entry = self.walk(root, vaddr, PAGE_BITS);
        if entry.bits != size.bits() {
            return Err(Error::FailedLookup(
                false,
                LookupFailure::MissingCapability {
                    bits_left: u64::from(entry.bits),
                },
            ));
        }
        let granted = match (Cap::Frame {
            base,
            vaddr,
            asid,
            size,
            rights,
            device,
        })
        .masked((mask & 0xf) as u8)
        {
            Cap::Frame { rights, .. } => rights,
            _ => 0,
        };
        if descriptor::valid(entry.value) {
            // Break before make (Arm ARM D8.17).
            self.hw.write_descriptor(entry.place, 0);
            self.hw.tlb_invalidate_page(asid, vaddr);
        }
        let value = descriptor::leaf(base, size, granted, attributes);
        self.hw.write_descriptor(entry.place, value);
        self.slots.set_cap(
            at,
            Cap::Frame {
                base,
                vaddr,
                asid,
                size,
                rights,
                device,
            },
        );
        Ok(Outcome::Done)
    }

    /// Take a mapping away, if it is still this capability's.
    pub(crate) fn unmap_frame(&mut self, cap: Cap) {
        let Cap::Frame {
            base,
            vaddr,
            asid,
            size,
            ..
        } = cap
        else {
            return;
        };
        let Some(root) = self.root_of(asid) else {
            return;
        };
        let entry = self.walk(root, vaddr, size.bits());
        let leaf = size == FrameSize::Small || descriptor::next_table(entry.value).is_none();
        if entry.bits == size.bits()
            && descriptor::valid(entry.value)
            && leaf
            && descriptor::address(entry.value) == base
        {
            self.hw.write_descriptor(entry.place, 0);
            self.hw.tlb_invalidate_page(asid, vaddr);
        }
    }

    pub(crate) fn invoke_vspace(&mut self, at: SlotRef, call: &Call) -> Result<Outcome, Error> {
        let label = call.label;
        if !(Label::VSPACE_CLEAN..=Label::VSPACE_UNIFY).contains(&label) {
            return Err(Error::IllegalOperation);
        }
        call.require(2, 0)?;
        let (start, end) = (call.word(0)?, call.word(1)?);
        if end <= start {
            return Err(Error::InvalidArgument(1));
        }
        if end > USER_TOP {
            return Err(Error::IllegalOperation);
        }
        let Cap::VSpace {
            base,
            asid: asid @ 1..,
        } = self.slots.get(at).cap
        else {
            return Err(Error::InvalidCapability(0));
        };
        match self.root_of(asid) {
            None => return Err(Error::FailedLookup(false, LookupFailure::InvalidRoot)),
            Some(root) if root != base => return Err(Error::InvalidCapability(0)),
            Some(_) => {}
        }
        // Nothing mapped: nothing to do.
        let Some((frame, bits)) = self.translate(base, start) else {
            return Ok(Outcome::Done);
        };
        let mask = (1u64 << bits) - 1;
        if start & !mask != (end - 1) & !mask {
            return Err(Error::Range(start, (start & !mask) + mask));
        }
        self.maintain(
            label - Label::VSPACE_CLEAN,
            frame + (start & mask),
            end - start,
        );
        Ok(Outcome::Done)
    }
}
