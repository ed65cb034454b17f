// SPDX-License-Identifier: BSD-2-Clause
//! The part of a GICv2 that a guest needs which polls after `wfi` (Arm IHI 0048).

use core::ptr;

const GICD_CTLR: usize = 0x000;
const GICD_ISENABLER: usize = 0x100;
const GICD_ISPENDR: usize = 0x200;
const GICD_IPRIORITYR: usize = 0x400;
const GICD_ITARGETSR: usize = 0x800;
const GICD_SGIR: usize = 0xf00;
const GICC_CTLR: usize = 0x000;
const GICC_PMR: usize = 0x004;
const GICC_IAR: usize = 0x00c;
const GICC_EOIR: usize = 0x010;
/// Identifiers from here on mean that nothing is pending.
const SPECIAL: u32 = 1020;

/// An interrupt that was taken.
#[derive(Clone, Copy)]
pub struct Taken {
    /// What ends it.
    pub raw: u32,
    /// Its number.
    pub interrupt: u32,
    /// The processor that has sent it, if it is an SGI.
    pub source: u32,
}

/// Distributor and CPU interface.
pub struct Gic {
    distributor: usize,
    cpu: usize,
}

impl Gic {
    /// Switches both on, for every priority.
    pub fn new(distributor: usize, cpu: usize) -> Self {
        let gic = Self { distributor, cpu };
        gic.write(gic.distributor + GICD_CTLR, 1);
        Self::join(distributor, cpu)
    }

    /// Switches another processor's interface on.
    pub fn join(distributor: usize, cpu: usize) -> Self {
        let gic = Self { distributor, cpu };
        gic.write(gic.cpu + GICC_PMR, 0xff);
        gic.write(gic.cpu + GICC_CTLR, 1);
        gic
    }

    /// Of distributor and CPU interface.
    pub fn addresses(&self) -> (usize, usize) {
        (self.distributor, self.cpu)
    }

    /// Sends an SGI to these processors, a bit for each.
    pub fn send_to(&self, targets: u32, sgi: u32) {
        self.write(self.distributor + GICD_SGIR, targets << 16 | sgi);
    }

    /// Sends an SGI to all processors but this one.
    pub fn send_to_others(&self, sgi: u32) {
        self.write(self.distributor + GICD_SGIR, 1 << 24 | sgi);
    }

    /// Lets this shared interrupt through to this processor.
    pub fn enable(&self, interrupt: u32) {
        let id = interrupt as usize;
        self.write_byte(self.distributor + GICD_IPRIORITYR + id, 0x80);
        self.write_byte(self.distributor + GICD_ITARGETSR + id, 1);
        self.write(
            self.distributor + GICD_ISENABLER + id / 32 * 4,
            1 << (id % 32),
        );
    }

    /// Reads a register of the distributor, which is trapped.
    pub fn touch(&self) {
        self.read(self.distributor + GICD_CTLR);
    }

    /// Makes this shared interrupt pending.
    pub fn pend(&self, interrupt: u32) {
        let id = interrupt as usize;
        self.write(
            self.distributor + GICD_ISPENDR + id / 32 * 4,
            1 << (id % 32),
        );
    }

    /// Takes the interrupt that is pending, if one is.
    pub fn acknowledge(&self) -> Option<u32> {
        self.take().map(|taken| taken.interrupt)
    }

    /// The same, with its source.
    pub fn take(&self) -> Option<Taken> {
        let raw = self.read(self.cpu + GICC_IAR);
        let interrupt = raw & 0x3ff;
        (interrupt < SPECIAL).then_some(Taken {
            raw,
            interrupt,
            source: raw >> 10 & 7,
        })
    }

    /// Ends it, as it was acknowledged: its source has been served.
    pub fn end(&self, interrupt: u32) {
        self.write(self.cpu + GICC_EOIR, interrupt);
    }

    fn read(&self, address: usize) -> u32 {
        // SAFETY: a register of the interrupt controller, which the translation table maps as a device.
        unsafe { ptr::with_exposed_provenance::<u32>(address).read_volatile() }
    }

    fn write(&self, address: usize, value: u32) {
        // SAFETY: as above.
        unsafe { ptr::with_exposed_provenance_mut::<u32>(address).write_volatile(value) };
    }

    fn write_byte(&self, address: usize, value: u8) {
        // SAFETY: as above; these registers take bytes (IHI 0048, 4.1.4).
        unsafe { ptr::with_exposed_provenance_mut::<u8>(address).write_volatile(value) };
    }
}
