// SPDX-License-Identifier: BSD-2-Clause
//! Reports the books, and compares them with the kernel.

use molt_trace::Event as Trace;
use molt_update::Phase;

use crate::{Kernel, Supervisor};

impl<'m, K: Kernel<'m>> Supervisor<'m, K> {
    /// An arena of a component is empty: traces what is in use, and with the feature `probe` has the kernel confirm it.
    pub(crate) fn account(&mut self, index: usize, arena: u8) {
        if !self.settled() {
            return;
        }
        let unit = self.units.get(index);
        let unit = unit.filter(|unit| unit.holder.granted());
        let Some(arena) = unit.and_then(|unit| unit.plan.arenas.get(usize::from(arena))) else {
            return;
        };
        self.trace(Trace::Books {
            component: self.name(index),
            slots: self.books.in_use().into(),
            untypeds: arena.count.into(),
            failed: self.probe(arena),
        });
    }

    /// Makes the first account, when all first generations serve. Later accounts are compared with it.
    pub(crate) fn account_first(&mut self) {
        if self.accounted || !self.settled() {
            return;
        }
        self.accounted = true;
        for index in 0..self.units.len() {
            let holder = self.units.get(index).and_then(|u| u.machine.holder_arena());
            // The other arena has never been used.
            if let Some(arena) = holder {
                self.account(index, 1 - arena.min(1));
            }
        }
    }

    /// Whether every component either has its regions mapped or is out of service, and no other arena is being cleared. During a
    /// swap the books cannot be compared.
    fn settled(&self) -> bool {
        !self.work.clears()
            && self.units.iter().all(|unit| match unit.machine.phase() {
                Phase::OutOfService(_) => true,
                _ => unit.holder.granted() && !unit.in_blackout(),
            })
    }

    #[cfg(not(feature = "probe"))]
    fn probe(&self, _arena: &molt_system::Arena) -> u64 {
        0
    }

    /// Each untyped of the empty arena can be made one object of its full size, and be revoked again; each slot that the
    /// books call free takes a copy. Returns how many did not.
    #[cfg(feature = "probe")]
    fn probe(&self, arena: &molt_system::Arena) -> u64 {
        use crate::{Rights, Slot};

        let mut failed = 0;
        let Some(spare) = self.books.free().next() else {
            return 1;
        };
        for n in 0..arena.count {
            let slot = arena.first.after(n);
            let made = self.kernel.retype_whole(slot, arena.size_bits, spare);
            failed += u64::from(made.is_err() || self.kernel.revoke(slot).is_err());
        }
        for slot in self.books.free() {
            let source = self.brief.authority.own_sc;
            let copied = self.kernel.copy(Slot::Vault(slot), source, Rights::ALL);
            failed += u64::from(copied.is_err() || self.kernel.delete(slot).is_err());
        }
        failed
    }
}
