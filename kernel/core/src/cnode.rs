// SPDX-License-Identifier: BSD-2-Clause
//! Invocations of CNodes.

use crate::{
    cap::{ALL_RIGHTS, Cap},
    error::{Error, LookupFailure},
    hardware::Hardware,
    invocation::{Call, Label, Outcome},
    kernel::Kernel,
    slots::SlotRef,
};

impl<H: Hardware> Kernel<H> {
    pub(crate) fn invoke_cnode(&mut self, node: Cap, call: &Call) -> Result<Outcome, Error> {
        if !(Label::CNODE_REVOKE..=Label::CNODE_ROTATE).contains(&call.label) {
            return Err(Error::IllegalOperation);
        }
        let index = call.word(0)?;
        let depth = call.word(1)?;
        match call.label {
            Label::CNODE_REVOKE => {
                let at = self.lookup_target(node, index, depth, false)?;
                self.revoke(at)?;
                Ok(Outcome::Done)
            }
            Label::CNODE_DELETE => {
                let at = self.lookup_target(node, index, depth, false)?;
                self.delete(at)?;
                Ok(Outcome::Done)
            }
            Label::CNODE_CANCEL_BADGED_SENDS => {
                let at = self.lookup_target(node, index, depth, false)?;
                match self.slots.get(at).cap {
                    Cap::Endpoint { id, rights, badge } if rights == ALL_RIGHTS => {
                        if badge != 0 {
                            self.cancel_badged_sends(id, badge)?;
                        }
                        Ok(Outcome::Done)
                    }
                    _ => Err(Error::IllegalOperation),
                }
            }
            Label::CNODE_COPY | Label::CNODE_MINT => self.copy(node, index, depth, call),
            Label::CNODE_MOVE | Label::CNODE_MUTATE => self.relocate(node, index, depth, call),
            Label::CNODE_ROTATE => self.rotate(node, index, depth, call),
            _ => Err(Error::IllegalOperation),
        }
    }

    fn copy(&mut self, node: Cap, index: u64, depth: u64, call: &Call) -> Result<Outcome, Error> {
        let mint = call.label == Label::CNODE_MINT;
        call.require(if mint { 6 } else { 5 }, 1)?;
        let to = self.lookup_empty(node, index, depth)?;
        let from = self.source(call, 2, 0)?;
        let mut cap = self.slots.get(from).cap.masked((call.word(4)? & 0xf) as u8);
        if mint {
            cap = cap.with_data(false, call.word(5)?);
        }
        let cap = self.derive_cap(from, cap)?;
        if cap.is_null() {
            return Err(Error::IllegalOperation);
        }
        self.insert_derived(from, to, cap);
        Ok(Outcome::Done)
    }

    fn relocate(
        &mut self,
        node: Cap,
        index: u64,
        depth: u64,
        call: &Call,
    ) -> Result<Outcome, Error> {
        let mutate = call.label == Label::CNODE_MUTATE;
        call.require(if mutate { 5 } else { 4 }, 1)?;
        let to = self.lookup_empty(node, index, depth)?;
        let from = self.source(call, 2, 0)?;
        let mut cap = self.slots.get(from).cap;
        if mutate {
            cap = cap.with_data(true, call.word(4)?);
            if cap.is_null() {
                return Err(Error::IllegalOperation);
            }
        }
        self.slots.relocate(from, to, cap);
        Ok(Outcome::Done)
    }

    /// Pivot to destination, source to pivot; destination may be the source.
    fn rotate(&mut self, node: Cap, index: u64, depth: u64, call: &Call) -> Result<Outcome, Error> {
        call.require(8, 2)?;
        let to = self.lookup_target(node, index, depth, false)?;
        let (to_data, pivot_data) = (call.word(2)?, call.word(5)?);
        let from = self.lookup_target(call.cap(1)?.1, call.word(6)?, call.word(7)?, true)?;
        let pivot = self.lookup_target(call.cap(0)?.1, call.word(3)?, call.word(4)?, false)?;
        if pivot == from || pivot == to {
            return Err(Error::IllegalOperation);
        }
        if from != to {
            self.require_empty(to)?;
        }
        let source_cap = self.filled(from, call.word(7)?, true)?;
        let pivot_cap = self.filled(pivot, call.word(4)?, false)?;
        // Like Mutate: what has a badge cannot be rotated, and a CNode's guard is set anew.
        let source_cap = source_cap.with_data(true, pivot_data);
        let pivot_cap = pivot_cap.with_data(true, to_data);
        if source_cap.is_null() || pivot_cap.is_null() {
            return Err(Error::IllegalOperation);
        }
        if from == to {
            self.slots.swap(from, source_cap, pivot, pivot_cap);
        } else {
            self.slots.relocate(pivot, to, pivot_cap);
            self.slots.relocate(from, pivot, source_cap);
        }
        Ok(Outcome::Done)
    }

    /// The source of a copy or move: words `first` (index) and `first + 1` (depth) under the extra
    /// capability `root`; it must hold something.
    fn source(&self, call: &Call, first: usize, root: usize) -> Result<SlotRef, Error> {
        let depth = call.word(first + 1)?;
        let at = self.lookup_target(call.cap(root)?.1, call.word(first)?, depth, true)?;
        self.filled(at, depth, true)?;
        Ok(at)
    }

    fn filled(&self, at: SlotRef, depth: u64, source: bool) -> Result<Cap, Error> {
        match self.slots.get(at).cap {
            Cap::Null => Err(Error::FailedLookup(
                source,
                LookupFailure::MissingCapability { bits_left: depth },
            )),
            cap => Ok(cap),
        }
    }
}
