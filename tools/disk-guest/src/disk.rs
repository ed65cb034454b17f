// SPDX-License-Identifier: BSD-2-Clause
//! A disk in memory.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::AtomicU64;

use molt_block_queue::{OWN, Op, Request};
use molt_shared::{Memory, get};

use crate::{SECTOR, value};

/// A disk, which survives whoever drives it.
#[derive(Clone, Debug)]
pub struct Disk(Vec<u8>);

impl Disk {
    /// A disk of zeros.
    #[must_use]
    pub fn new(sectors: u64) -> Self {
        Self(vec![0; sectors as usize * SECTOR])
    }

    /// Carries a request of a client out, whose guest has this memory and whose queue is in this region. `None`, and perhaps a part of
    /// it carried out: it leads out of one of them.
    pub fn carry_out(
        &mut self,
        request: &Request,
        memory: Memory,
        region: &[AtomicU64],
    ) -> Option<()> {
        let at = usize::try_from(request.sector).ok()?.checked_mul(SECTOR)?;
        let end = at.checked_add(request.sectors as usize * SECTOR)?;
        let mut place = self.0.get_mut(at..end)?;
        for segment in &request.segments {
            let (part, rest) = place.split_at_mut_checked(segment.len as usize)?;
            place = rest;
            match request.op {
                // The queue's region is only read.
                Op::Read if segment.offset >= OWN => return None,
                _ if segment.offset >= OWN => {
                    let from = segment.offset - OWN;
                    if from + part.len() as u64 > size_of_val(region) as u64 {
                        return None;
                    }
                    get(region, from, part);
                }
                Op::Read => memory.write(segment.offset as usize, part)?,
                _ => memory.read(segment.offset as usize, part)?,
            }
        }
        if request.op == Op::WriteZeroes {
            place.fill(0);
        }
        Some(())
    }

    /// The value that this sector holds; `None` if its words differ, or there is no such sector.
    #[must_use]
    pub fn value(&self, sector: u64) -> Option<u64> {
        value(self.0.as_chunks().0.get(sector as usize)?)
    }
}

/// Its bytes.
impl Deref for Disk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for Disk {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}
