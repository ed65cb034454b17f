// SPDX-License-Identifier: BSD-2-Clause
//! Makes the page tables of a generation.

use heapless::Vec;
use molt_bundle::Reason;
use sel4::{TranslationTableObjectType, VmAttributes, cap};
use sel4_extra::TABLES;

use crate::make::Arena;

/// Page tables that a generation may have.
const MOST: usize = 256;
/// Address bits below a table of the last level: it covers 2 MiB.
const LAST: u32 = 21;

/// Which tables there are.
pub struct Tables {
    vspace: cap::VSpace,
    present: Vec<(u32, u64), MOST>,
}

impl Tables {
    /// Of an address space that has none.
    pub fn new(vspace: cap::VSpace) -> Self {
        Self {
            vspace,
            present: Vec::new(),
        }
    }

    /// Makes what is missing for pages of `page_bits` in a range.
    pub fn cover(
        &mut self,
        arena: &mut Arena,
        vaddr: u64,
        size: u64,
        page_bits: u32,
    ) -> Result<(), Reason> {
        let end = vaddr.checked_add(size).ok_or(Reason::BuildFailed)?;
        let mut at = vaddr >> LAST << LAST;
        while at < end {
            for (bits, kind) in TABLES.iter().filter(|(bits, _)| page_bits < *bits) {
                self.ensure(arena, *bits, *kind, at)?;
            }
            at += 1 << LAST;
        }
        Ok(())
    }

    fn ensure(
        &mut self,
        arena: &mut Arena,
        level: u32,
        kind: TranslationTableObjectType,
        vaddr: u64,
    ) -> Result<(), Reason> {
        let key = (level, vaddr >> level);
        if self.present.contains(&key) {
            return Ok(());
        }
        self.present.push(key).map_err(|_| Reason::ArenaFull)?;
        let table: cap::UnspecifiedIntermediateTranslationTable = arena.make(kind.blueprint())?;
        table
            .generic_intermediate_translation_table_map(
                kind,
                self.vspace,
                vaddr as usize,
                VmAttributes::DEFAULT,
            )
            .map_err(|_| Reason::BuildFailed)
    }
}
