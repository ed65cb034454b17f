// SPDX-License-Identifier: BSD-2-Clause
//! For tests: how the probes of a device's memory look at it.

use molt_system::{Holder, Region, VaultSlot};

use crate::{Attributes, Error, Kernel, Result, Rights, Slot, Space, Supervisor};

impl<'m, K: Kernel<'m>> Supervisor<'m, K> {
    /// Maps a page here, for the time of `use_it`.
    pub(crate) fn with_page(
        &mut self,
        frame: VaultSlot,
        vaddr: u64,
        attributes: Attributes,
        use_it: impl FnOnce(&K),
    ) -> Result {
        let slot = self.books.take().ok_or(Error::NOT_ENOUGH_MEMORY)?;
        let rights = Rights::READ_WRITE;
        self.kernel.copy(Slot::Vault(slot), frame, Rights::ALL)?;
        self.kernel
            .map(slot, Space::Own, vaddr, rights, attributes)?;
        use_it(&self.kernel);
        self.kernel.delete(slot)?;
        self.books.give_back(slot);
        Ok(())
    }
}

/// Whether only the driver, and its device, have it.
pub(crate) fn is_ring(region: &Region) -> bool {
    let mappings = region.mappings();
    mappings
        .iter()
        .all(|mapping| mapping.holder() == Holder::Generation)
}
