// SPDX-License-Identifier: BSD-2-Clause
//! The control pages of an arena: orders to the generation that is built in it, and its report; and which firmware it has.
//!
//! Each arena has pages of its own. They are mapped into a generation before it runs, while another may still serve, and are
//! taken away when the arena is cleared. No two generations ever share one, so that a denial need not take them away.

use heapless::Vec;
use molt_control::{OrdersWriter, ReportView, Start};
use molt_system::{Arena, MAX_ARENAS, VaultSlot};

use crate::books::Books;
use crate::client::PAGE;
use crate::holder::{copy, twice};
use crate::transfer::Firmware;
use crate::{Attributes, Kernel, Result, Rights, Space};

/// The control pages of one arena.
pub struct Control<'m> {
    plan: &'m Arena,
    pub(crate) orders: OrdersWriter<'m>,
    pub(crate) report: ReportView<'m>,
    /// The firmware that was built in the arena.
    pub(crate) firmware: Firmware,
    /// Copies of the pages' frames, mapped into the arena's generation.
    copies: Vec<VaultSlot, 2>,
}

impl<'m> Control<'m> {
    /// Those of `arena`, mapped nowhere but in `update`.
    pub fn new(kernel: &impl Kernel<'m>, arena: &'m Arena) -> Self {
        Self {
            plan: arena,
            orders: OrdersWriter::new(kernel.words(arena.orders.update_vaddr, PAGE)),
            report: ReportView::new(kernel.words(arena.report.update_vaddr, PAGE)),
            firmware: Firmware::default(),
            copies: Vec::new(),
        }
    }

    /// Those of a component's arenas.
    pub fn of_all(kernel: &impl Kernel<'m>, arenas: &'m [Arena; MAX_ARENAS]) -> [Self; MAX_ARENAS] {
        arenas.each_ref().map(|arena| Self::new(kernel, arena))
    }

    /// Writes the pages for a generation that does not run yet, and maps them into it.
    pub fn connect(
        &mut self,
        kernel: &impl Kernel<'m>,
        books: &mut Books,
        vspace: VaultSlot,
        generation: u64,
    ) -> Result {
        self.disconnect(kernel, books)?;
        self.report.reset();
        let firmware = self.firmware.bytes;
        self.orders.start(generation, Start::Cold, firmware);
        for (page, rights) in [
            (&self.plan.orders, Rights::READ),
            (&self.plan.report, Rights::READ_WRITE),
        ] {
            let slot = copy(kernel, books, &mut self.copies, page.frame)?;
            kernel.map(
                slot,
                Space::Vault(vspace),
                page.driver_vaddr,
                rights,
                Attributes::Normal,
            )?;
        }
        Ok(())
    }

    /// Takes them away from the generation. They are deleted, not revoked, because `update`'s own mapping is a copy too.
    pub fn disconnect(&mut self, kernel: &impl Kernel<'m>, books: &mut Books) -> Result {
        while let Some(slot) = self.copies.last().copied() {
            twice(|| kernel.delete(slot))?;
            books.give_back(slot);
            self.copies.pop();
        }
        Ok(())
    }
}
