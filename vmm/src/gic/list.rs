// SPDX-License-Identifier: BSD-2-Clause
//! The list registers of a guest's only vCPU.
//!
//! The state of a list register cannot be read back: from the injection to the maintenance interrupt of its end an
//! interrupt is *placed*, pending or active. A guest that disables or un-pends an interrupt in that time gets it once
//! more than on hardware, and an interrupt of higher priority waits for a free list register; neither is lost.

use super::{Gic, bit};
use crate::platform::{InjectError, Platform};

/// Most list registers of a GICv2 that are used.
const MAX: usize = 16;

/// The private record of the list registers.
pub struct List {
    /// The interrupts that are in one.
    pub placed: u128,
    contents: [Option<u8>; MAX],
    /// So many exist.
    count: usize,
}

impl List {
    /// All of them empty.
    pub const fn new() -> Self {
        Self {
            placed: 0,
            contents: [None; MAX],
            count: MAX,
        }
    }
}

impl Gic {
    /// Fills free list registers with what is pending, the most urgent first.
    pub(super) fn fill_list(&mut self, platform: &mut dyn Platform) {
        let mut index = 0;
        while let Some(irq) = self.next(0, self.enabled_groups) {
            let list = &self.list;
            while index < list.count && list.contents.get(index).is_some_and(Option::is_some) {
                index += 1;
            }
            if index >= list.count {
                return;
            }
            let priority = self.priority(0, irq) >> 3;
            let group = u8::from(self.group1.of(0) & bit(irq) != 0);
            match platform.inject(0, index as u8, irq, priority, group) {
                Ok(()) => {
                    self.deliver(0, irq);
                    self.list.placed |= bit(irq);
                    if let Some(place) = self.list.contents.get_mut(index) {
                        *place = Some(irq as u8);
                    }
                }
                Err(InjectError::NoSuchRegister) => self.list.count = index,
                Err(InjectError::InUse) => {}
            }
            index += 1;
        }
    }

    /// The guest has ended the interrupt in list register `index` (maintenance interrupt). Returns which it was.
    /// Its input is looked at anew: a level that is still high makes it pending again.
    pub fn ended(&mut self, index: usize) -> Option<u16> {
        let irq = u16::from(self.list.contents.get_mut(index)?.take()?);
        self.list.placed &= !bit(irq);
        Some(irq)
    }

    /// The interrupts in list registers, pending or active, the most urgent first.
    #[must_use]
    pub fn placed(&self) -> heapless::Vec<u16, MAX> {
        let mut all: heapless::Vec<u16, MAX> = (self.list.contents.iter().flatten())
            .map(|irq| u16::from(*irq))
            .collect();
        all.sort_unstable_by_key(|irq| (self.priority(0, *irq), *irq));
        all
    }
}
