// SPDX-License-Identifier: BSD-2-Clause
//! The books, and whether the kernel agrees with them.

use molt_trace::Event as Trace;

use crate::update::{Update, in_blackout};

impl Update {
    /// An arena of a component is empty: says what is in use, and with the feature `probe` has the kernel confirm it.
    pub fn account(&mut self, index: usize, arena: u8) {
        // Within a recovery the regions are mapped nowhere: not to be compared.
        let unit = self.units.get(index);
        if unit.is_none_or(|unit| !unit.granted || in_blackout(unit)) {
            return;
        }
        let failed = self.probe(index, arena);
        let untypeds = self
            .units
            .get(index)
            .and_then(|unit| unit.plan.arenas.get(usize::from(arena)))
            .map_or(0, |arena| arena.count.into());
        self.trace(Trace::Books {
            component: self.name(index),
            slots: self.books.in_use().into(),
            untypeds,
            failed,
        });
    }

    #[cfg(not(feature = "probe"))]
    fn probe(&self, _index: usize, _arena: u8) -> u64 {
        0
    }

    /// Each untyped of the empty arena can be made one object of its full size, and be revoked again; each slot that the
    /// books call free takes a copy. Returns how many did not.
    #[cfg(feature = "probe")]
    fn probe(&self, index: usize, arena: u8) -> u64 {
        use molt_system::cspace::VAULT_CNODE;
        use sel4::{ObjectBlueprint, cap, cap_type};

        use crate::vault;

        let mut failed = 0;
        let Some(spare) = self.books.free().next() else {
            return 1;
        };
        let vault_cnode = cap::CNode::from_bits(VAULT_CNODE).absolute_cptr_for_self();
        let arenas = self.units.get(index).map(|unit| &unit.plan.arenas);
        if let Some(arena) = arenas.and_then(|arenas| arenas.get(usize::from(arena))) {
            let size_bits = arena.size_bits as usize;
            for n in 0..arena.count {
                let slot = arena.first.after(n);
                let whole = ObjectBlueprint::Untyped { size_bits };
                let made = vault::capability::<cap_type::Untyped>(slot).untyped_retype(
                    &whole,
                    &vault_cnode,
                    spare.0 as usize,
                    1,
                );
                failed += u64::from(made.is_err() || vault::revoke(slot).is_err());
            }
        }
        for slot in self.books.free() {
            let copied = vault::copy(slot, self.brief.authority.own_sc);
            failed += u64::from(copied.is_err() || vault::place(slot).delete().is_err());
        }
        failed
    }
}
