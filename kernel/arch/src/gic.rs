// SPDX-License-Identifier: BSD-2-Clause
//! The interrupt controller: GICv2 (IHI 0048), distributor and CPU interface of one core.

use molt_kernel_core::hardware::Trigger;

use crate::layout;
use crate::mmio::Page;

// Distributor registers (IHI 0048, table 4-1).
const GICD_CTLR: usize = 0x000;
const GICD_TYPER: usize = 0x004;
const GICD_ISENABLER: usize = 0x100;
const GICD_ICENABLER: usize = 0x180;
const GICD_ICPENDR: usize = 0x280;
const GICD_ICACTIVER: usize = 0x380;
const GICD_IPRIORITYR: usize = 0x400;
const GICD_ITARGETSR: usize = 0x800;
const GICD_ICFGR: usize = 0xc00;
// CPU interface registers (table 4-2).
const GICC_CTLR: usize = 0x00;
const GICC_PMR: usize = 0x04;
const GICC_BPR: usize = 0x08;
const GICC_IAR: usize = 0x0c;
const GICC_EOIR: usize = 0x10;

/// All interrupts have one priority: the kernel's scheduler has its own.
const PRIORITY: u32 = 0x8080_8080;
/// First number that is no interrupt (4.4.4).
const SPECIAL: u32 = 1020;

/// Distributor and CPU interface.
pub struct Gic {
    distributor: Page,
    cpu: Page,
    lines: u32,
}

impl Gic {
    /// Takes the controller over with every line masked, level-triggered and routed to this core.
    pub fn new() -> Self {
        // SAFETY: the GIC's pages are not among the device untypeds (`layout::DEVICES`), and the
        // kernel makes this value once.
        let (distributor, cpu) = unsafe {
            (
                Page::new(layout::GIC_DISTRIBUTOR),
                Page::new(layout::GIC_CPU),
            )
        };
        distributor.write(GICD_CTLR, 0);
        let words = (distributor.read(GICD_TYPER) & 0x1f) as usize + 1;
        let gic = Self {
            distributor,
            cpu,
            lines: 32 * words as u32,
        };
        for word in 0..words {
            for register in [GICD_ICENABLER, GICD_ICPENDR, GICD_ICACTIVER] {
                gic.distributor.write(register + 4 * word, u32::MAX);
            }
        }
        for word in 0..8 * words {
            gic.distributor.write(GICD_IPRIORITYR + 4 * word, PRIORITY);
        }
        // Targets of 0..=31 and triggers of 0..=15 are fixed.
        for word in 8..8 * words {
            gic.distributor
                .write(GICD_ITARGETSR + 4 * word, 0x0101_0101);
        }
        for word in 2..2 * words {
            gic.distributor.write(GICD_ICFGR + 4 * word, 0);
        }
        gic.distributor.write(GICD_CTLR, 1);
        gic.cpu.write(GICC_PMR, 0xf0);
        gic.cpu.write(GICC_BPR, 0);
        gic.cpu.write(GICC_CTLR, 1);
        gic
    }

    /// Masks or unmasks a line; numbers that do not exist are ignored.
    pub fn set_masked(&self, irq: u32, masked: bool) {
        if irq < self.lines {
            let register = if masked {
                GICD_ICENABLER
            } else {
                GICD_ISENABLER
            };
            self.distributor
                .write(register + 4 * (irq as usize / 32), 1 << (irq % 32));
        }
    }

    /// Chooses a line's trigger. `false` for those that are fixed (0..=31) or do not exist.
    pub fn set_trigger(&self, irq: u32, trigger: Trigger) -> bool {
        if !(32..self.lines).contains(&irq) {
            return false;
        }
        let register = GICD_ICFGR + 4 * (irq as usize / 16);
        let edge = 0b10 << (2 * (irq % 16));
        let old = self.distributor.read(register);
        let new = match trigger {
            Trigger::Level => old & !edge,
            Trigger::Edge => old | edge,
        };
        self.distributor.write(register, new);
        true
    }

    /// Acknowledges the highest pending interrupt.
    pub fn take(&self) -> Option<u32> {
        // Of the identifier only the number matters: software-generated ones come from this core.
        let irq = self.cpu.read(GICC_IAR) & 0x3ff;
        (irq < SPECIAL).then_some(irq)
    }

    /// Ends one that was taken.
    pub fn end(&self, irq: u32) {
        self.cpu.write(GICC_EOIR, irq);
    }
}
