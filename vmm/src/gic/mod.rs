// SPDX-License-Identifier: BSD-2-Clause
//! Virtual GICv2. The distributor is emulated. Interrupts reach a vCPU in one of two ways:
//!
//! - *One vCPU*: the guest uses the hardware's CPU interface (GICV), which gets its interrupts through list registers ([`list`]). An
//!   interrupt costs one exit, its end.
//! - *Several*: the CPU interface is emulated too ([`interface`]), and one list register serves as the vCPU's interrupt line. The
//!   acknowledge register has to name the processor that sent an SGI, and seL4 has no invocation that puts a source into a list
//!   register.

mod banked;
mod interface;
mod list;
mod registers;

pub use interface::LINE;
pub use registers::SIZE;

use crate::platform::Platform;
use crate::processor::MAX_VCPUS;
use banked::Banked;
use interface::Interface;
use list::List;

/// Interrupt identifiers that are modelled: 16 SGIs, 16 PPIs, 96 SPIs.
pub const INTERRUPTS: u16 = 128;
/// The virtual timer's PPI.
pub const VIRTUAL_TIMER: u16 = 27;
const SGIS: usize = 16;
const PRIVATE: usize = 32;
const SHARED: usize = INTERRUPTS as usize - PRIVATE;

/// The distributor, and the way to the vCPUs.
pub struct Gic {
    vcpus: usize,
    enabled_groups: u32,
    enabled: Banked,
    /// Pending by an edge, an SGI or a write of ISPENDR.
    latched: Banked,
    /// Level of the input.
    line: Banked,
    /// Configured as edge-triggered.
    edge: Banked,
    group1: Banked,
    /// Active; of interrupts in list registers only those that were made so by a write of ISACTIVER.
    active: Banked,
    /// The interrupts that a vCPU may get: its private ones, and the shared ones whose ITARGETSR names it.
    targets: [u128; MAX_VCPUS],
    /// For each vCPU and SGI that is pending there, a bit for each vCPU that has sent it.
    sources: [[u8; SGIS]; MAX_VCPUS],
    shared_priority: [u8; SHARED],
    private_priority: [[u8; PRIVATE]; MAX_VCPUS],
    /// The list registers of an only vCPU.
    list: List,
    /// The CPU interfaces of several.
    interfaces: [Interface; MAX_VCPUS],
}

impl Gic {
    /// An interrupt controller for so many vCPUs (1 to 4). All interrupts are disabled, inactive, level-triggered and, if they are
    /// shared, for vCPU 0; SGIs are edge-triggered (GICv2 4.3.13).
    #[must_use]
    pub const fn new(vcpus: usize) -> Self {
        const OWN: u128 = u32::MAX as u128;
        Self {
            vcpus,
            enabled_groups: 0,
            enabled: Banked::new(0xffff),
            latched: Banked::new(0),
            line: Banked::new(0),
            edge: Banked::new(0xffff),
            group1: Banked::new(0),
            active: Banked::new(0),
            targets: [u128::MAX, OWN, OWN, OWN],
            sources: [[0; SGIS]; MAX_VCPUS],
            shared_priority: [0; SHARED],
            private_priority: [[0; PRIVATE]; MAX_VCPUS],
            list: List::new(),
            interfaces: [Interface::OFF; MAX_VCPUS],
        }
    }

    /// Whether the CPU interfaces are emulated.
    #[must_use]
    pub const fn has_interfaces(&self) -> bool {
        self.vcpus > 1
    }

    /// Sets the levels of the shared interrupts' inputs, a bit for each. A rising edge of an edge-triggered one is kept until it is
    /// delivered.
    pub fn set_lines(&mut self, levels: u128) {
        let before = self.line.of(0);
        // Asked after each exit, and rarely anything else.
        if before == levels {
            return;
        }
        let rising = levels & !before & self.edge.of(0);
        self.latched.add(0, rising);
        self.line.remove(0, !levels);
        self.line.add(0, levels);
    }

    /// Makes an interrupt pending for a vCPU until it is delivered, whatever its configuration.
    pub fn raise(&mut self, vcpu: usize, irq: u16) {
        self.latched.add(vcpu, bit(irq));
    }

    /// Whether the guest has enabled `irq` on this vCPU.
    #[must_use]
    pub fn is_enabled(&self, vcpu: usize, irq: u16) -> bool {
        self.enabled.of(vcpu) & bit(irq) != 0
    }

    /// Whether a vCPU that waits for an interrupt should run.
    #[must_use]
    pub fn wakes(&self, vcpu: usize) -> bool {
        match self.has_interfaces() {
            true => self.signals(vcpu).is_some(),
            false => self.list.placed != 0 || self.next(vcpu, self.enabled_groups).is_some(),
        }
    }

    /// Delivers what can be.
    pub fn flush(&mut self, platform: &mut dyn Platform) {
        match self.has_interfaces() {
            true => self.show_lines(platform),
            false => self.fill_list(platform),
        }
    }

    /// Delivers nothing more, as with the distributor disabled.
    pub fn disable(&mut self) {
        self.enabled_groups = 0;
    }

    /// The vCPU starts: its CPU interface is as after a reset, and its timer's interrupt not pending.
    pub fn start(&mut self, vcpu: usize) {
        self.latched.remove(vcpu, bit(VIRTUAL_TIMER));
        self.active.remove(vcpu, u128::from(u32::MAX));
        if let Some(interface) = self.interfaces.get_mut(vcpu) {
            *interface = Interface::OFF;
        }
    }

    fn pending(&self, vcpu: usize) -> u128 {
        self.latched.of(vcpu) | (self.line.of(vcpu) & !self.edge.of(vcpu))
    }

    fn priority(&self, vcpu: usize, irq: u16) -> u8 {
        let n = usize::from(irq);
        let found = match n.checked_sub(PRIVATE) {
            Some(n) => self.shared_priority.get(n),
            None => (self.private_priority.get(vcpu)).and_then(|private| private.get(n)),
        };
        found.copied().unwrap_or(0)
    }

    /// The most urgent interrupt of these groups (a bit for each) that could be delivered to a vCPU; of equal ones that with the
    /// lowest number (GICv2 3.3.2).
    fn next(&self, vcpu: usize, groups: u32) -> Option<u16> {
        let pending = self.pending(vcpu);
        if pending == 0 {
            return None;
        }
        let target = self.targets.get(vcpu).copied().unwrap_or(0);
        let mut eligible = pending & self.enabled.of(vcpu) & target;
        eligible &= !self.list.placed & !self.active.of(vcpu);
        if groups & 1 == 0 {
            eligible &= self.group1.of(vcpu);
        }
        if groups & 2 == 0 {
            eligible &= !self.group1.of(vcpu);
        }
        let mut best: Option<(u8, u16)> = None;
        while eligible != 0 {
            let irq = eligible.trailing_zeros() as u16;
            eligible &= eligible - 1;
            let priority = self.priority(vcpu, irq);
            if best.is_none_or(|(lowest, _)| priority < lowest) {
                best = Some((priority, irq));
            }
        }
        best.map(|(_, irq)| irq)
    }

    /// A pending interrupt has been delivered: what made it pending is used up. Returns the vCPU that has sent it; of several that
    /// have sent the same SGI that with the lowest number, and the others' stay pending.
    fn deliver(&mut self, vcpu: usize, irq: u16) -> u8 {
        let sgi = self.sources.get_mut(vcpu);
        let Some(sources) = sgi.and_then(|sgi| sgi.get_mut(usize::from(irq))) else {
            self.latched.remove(vcpu, bit(irq));
            return 0;
        };
        let source = (sources.trailing_zeros() % u8::BITS) as u8;
        *sources &= sources.wrapping_sub(1);
        if *sources == 0 {
            self.latched.remove(vcpu, bit(irq));
        }
        source
    }
}

/// The bit of an interrupt in a set; none where it is not modelled.
pub const fn bit(irq: u16) -> u128 {
    if irq < INTERRUPTS { 1 << irq } else { 0 }
}
