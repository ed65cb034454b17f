// SPDX-License-Identifier: BSD-2-Clause
//! Virtual GICv2 for one vCPU. The distributor is emulated; the CPU interface is the hardware's (GICV), which gets its
//! interrupts through list registers.
//!
//! The state of a list register cannot be read back: from the injection to the maintenance interrupt of its end an
//! interrupt is *placed*, pending or active. A guest that disables or un-pends an interrupt in that time gets it once
//! more than on hardware, and an interrupt of higher priority waits for a free list register; neither is lost.

mod registers;

pub use registers::SIZE;

use crate::platform::{InjectError, Platform};

/// Interrupt identifiers that are modelled: 16 SGIs, 16 PPIs, 96 SPIs.
pub const INTERRUPTS: u16 = 128;
/// The virtual timer's PPI.
pub const VIRTUAL_TIMER: u16 = 27;
/// Most list registers of a GICv2 that are used.
const MAX_LIST_REGISTERS: usize = 16;

/// The distributor and the private record of the list registers. One bit for each interrupt in every set.
pub struct Gic {
    enabled_groups: u32,
    enabled: u128,
    /// Pending by an edge, an SGI or a write of ISPENDR.
    latched: u128,
    /// Level of the input.
    line: u128,
    /// Configured as edge-triggered.
    edge: u128,
    group1: u128,
    /// Active by a write of ISACTIVER.
    active: u128,
    /// In a list register.
    placed: u128,
    priority: [u8; INTERRUPTS as usize],
    list: [Option<u8>; MAX_LIST_REGISTERS],
    list_registers: usize,
}

impl Default for Gic {
    fn default() -> Self {
        Self::new()
    }
}

impl Gic {
    /// All interrupts disabled, inactive and level-triggered; SGIs are edge-triggered (GICv2 4.3.13).
    #[must_use]
    pub const fn new() -> Self {
        Self {
            enabled_groups: 0,
            enabled: 0xffff,
            latched: 0,
            line: 0,
            edge: 0xffff,
            group1: 0,
            active: 0,
            placed: 0,
            priority: [0; INTERRUPTS as usize],
            list: [None; MAX_LIST_REGISTERS],
            list_registers: MAX_LIST_REGISTERS,
        }
    }

    /// Sets the level of an interrupt's input. A rising edge of an edge-triggered one is kept until it is delivered.
    pub fn set_line(&mut self, irq: u16, high: bool) {
        let bit = bit(irq);
        if high && self.line & bit == 0 {
            self.latched |= bit & self.edge;
        }
        if high {
            self.line |= bit
        } else {
            self.line &= !bit
        }
    }

    /// Makes an interrupt pending until it is delivered, whatever its configuration.
    pub fn raise(&mut self, irq: u16) {
        self.latched |= bit(irq);
    }

    /// Whether the guest has enabled `irq`.
    #[must_use]
    pub fn is_enabled(&self, irq: u16) -> bool {
        self.enabled & bit(irq) != 0
    }

    /// Whether a vCPU that waits for an interrupt should run: something is in a list register or would be put there.
    #[must_use]
    pub fn wakes(&self) -> bool {
        self.placed != 0 || self.next().is_some()
    }

    /// Fills free list registers with what is pending, the most urgent first.
    pub fn flush(&mut self, platform: &mut dyn Platform) {
        let mut index = 0;
        while let Some(irq) = self.next() {
            while index < self.list_registers && self.list.get(index).is_some_and(Option::is_some) {
                index += 1;
            }
            if index >= self.list_registers {
                return;
            }
            let priority = self.priority.get(usize::from(irq)).copied().unwrap_or(0) >> 3;
            let group = u8::from(self.group1 & bit(irq) != 0);
            match platform.inject(index as u8, irq, priority, group) {
                Ok(()) => {
                    self.latched &= !bit(irq);
                    self.placed |= bit(irq);
                    if let Some(place) = self.list.get_mut(index) {
                        *place = Some(irq as u8);
                    }
                }
                Err(InjectError::NoSuchRegister) => self.list_registers = index,
                Err(InjectError::InUse) => {}
            }
            index += 1;
        }
    }

    /// The guest has ended the interrupt in list register `index` (maintenance interrupt). Returns which it was.
    /// Its input is looked at anew: a level that is still high makes it pending again.
    pub fn ended(&mut self, index: usize) -> Option<u16> {
        let irq = u16::from(self.list.get_mut(index)?.take()?);
        self.placed &= !bit(irq);
        Some(irq)
    }

    /// Delivers nothing more, as with the distributor disabled.
    pub fn disable(&mut self) {
        self.enabled_groups = 0;
    }

    /// The interrupts in list registers, pending or active, the most urgent first.
    #[must_use]
    pub fn placed(&self) -> heapless::Vec<u16, MAX_LIST_REGISTERS> {
        let mut all: heapless::Vec<u16, MAX_LIST_REGISTERS> = (self.list.iter().flatten())
            .map(|irq| u16::from(*irq))
            .collect();
        all.sort_unstable_by_key(|irq| (self.priority.get(usize::from(*irq)), *irq));
        all
    }

    fn pending(&self) -> u128 {
        self.latched | (self.line & !self.edge)
    }

    /// The most urgent interrupt that could be delivered; of equal ones that with the lowest number (GICv2 3.3.2).
    fn next(&self) -> Option<u16> {
        let mut eligible = self.pending() & self.enabled & !self.placed & !self.active;
        if self.enabled_groups & 1 == 0 {
            eligible &= self.group1;
        }
        if self.enabled_groups & 2 == 0 {
            eligible &= !self.group1;
        }
        let mut best: Option<(u8, u16)> = None;
        while eligible != 0 {
            let irq = eligible.trailing_zeros() as u16;
            eligible &= eligible - 1;
            let priority = self.priority.get(usize::from(irq)).copied().unwrap_or(0);
            if best.is_none_or(|(lowest, _)| priority < lowest) {
                best = Some((priority, irq));
            }
        }
        best.map(|(_, irq)| irq)
    }
}

const fn bit(irq: u16) -> u128 {
    if irq < INTERRUPTS { 1 << irq } else { 0 }
}
