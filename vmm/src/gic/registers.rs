// SPDX-License-Identifier: BSD-2-Clause
//! The distributor's registers (GICv2 architecture specification, 4.3). They are accessed as words; IPRIORITYR, ITARGETSR
//! and the SGI pending registers also as bytes. Reserved registers read as zero and ignore writes.

use super::{Gic, INTERRUPTS, PRIVATE, bit};
use crate::syndrome::Width;

/// Size of the distributor's frame.
pub const SIZE: u64 = 0x1000;

const CTLR: u64 = 0x000;
const TYPER: u64 = 0x004;
const IIDR: u64 = 0x008;
const SGIR: u64 = 0xf00;
const ICPIDR2: u64 = 0xfe8;
const IPRIORITYR: u64 = 0x400;
const ITARGETSR: u64 = 0x800;
const CPENDSGIR: u64 = 0xf10;
const SPENDSGIR: u64 = 0xf20;
/// No interrupt below 32 is disabled by reset state alone, but SGIs are always edge-triggered.
const SGIS: u128 = 0xffff;

impl Gic {
    /// Reads a register, as this vCPU sees it.
    #[must_use]
    pub fn read(&self, vcpu: usize, offset: u64, width: Width) -> u64 {
        if let Some(first) = byte_registers(offset, width) {
            return self.read_bytes(vcpu, offset, first, width);
        }
        if width != Width::Word {
            return 0;
        }
        u64::from(match offset {
            CTLR => self.enabled_groups,
            TYPER => u32::from(INTERRUPTS / 32 - 1) | (self.vcpus.saturating_sub(1) as u32) << 5,
            IIDR => 0x43b,
            ICPIDR2 => 0x2b,
            0x080..0x100 => word(self.group1.of(vcpu), offset),
            0x100..0x200 => word(self.enabled.of(vcpu), offset),
            0x200..0x300 => word(self.pending(vcpu), offset),
            0x300..0x400 => word(self.list.placed | self.active.of(vcpu), offset),
            0xc00..0xd00 => self.configuration(vcpu, offset),
            _ => 0,
        })
    }

    /// Writes a register, as this vCPU sees it.
    pub fn write(&mut self, vcpu: usize, offset: u64, width: Width, value: u64) {
        if let Some(first) = byte_registers(offset, width) {
            self.write_bytes(vcpu, offset, first, width, value);
            return;
        }
        if width != Width::Word {
            return;
        }
        let set = place(value as u32, offset);
        match offset {
            CTLR => self.enabled_groups = value as u32 & 3,
            0x080..0x100 => {
                self.group1.remove(vcpu, place(u32::MAX, offset));
                self.group1.add(vcpu, set);
            }
            0x100..0x180 => self.enabled.add(vcpu, set),
            0x180..0x200 => self.enabled.remove(vcpu, set),
            // SGIs become pending only through SGIR and SPENDSGIR (4.3.7).
            0x200..0x280 => self.latched.add(vcpu, set & !SGIS),
            0x280..0x300 => self.latched.remove(vcpu, set & !SGIS),
            0x300..0x380 => self.active.add(vcpu, set & !self.list.placed),
            0x380..0x400 => self.active.remove(vcpu, set),
            0xc00..0xd00 => self.configure(vcpu, offset, value as u32),
            SGIR => self.generate_sgi(vcpu, value as u32),
            _ => {}
        }
    }
}

impl Gic {
    /// Two bits for each interrupt, of which the higher says "edge".
    fn configuration(&self, vcpu: usize, offset: u64) -> u32 {
        let first = (offset as u16 & 0xfc) * 4;
        let edges = self.edge.of(vcpu);
        (0..16).fold(0, |word, i| {
            word | u32::from(edges & bit(first + i) != 0) << (2 * i + 1)
        })
    }

    fn configure(&mut self, vcpu: usize, offset: u64, value: u32) {
        let first = (offset as u16 & 0xfc) * 4;
        for i in (0..16).filter(|i| first + i >= 16) {
            let edge = value >> (2 * i + 1) & 1 == 1;
            self.edge.put(vcpu, bit(first + i), edge);
        }
    }

    /// GICD_SGIR (4.3.15): to those in the list, to all but the sender, or to the sender.
    fn generate_sgi(&mut self, vcpu: usize, value: u32) {
        let (filter, list) = (value >> 24 & 3, (value >> 16) as u8);
        let targets = match filter {
            0 => list,
            1 => !(1 << vcpu),
            2 => 1 << vcpu,
            _ => return,
        };
        for target in (0..self.vcpus).filter(|n| targets >> n & 1 == 1) {
            self.send(target, value as usize & 15, 1 << vcpu);
        }
    }

    /// An SGI becomes pending for a vCPU, from each of these.
    fn send(&mut self, vcpu: usize, sgi: usize, sources: u8) {
        let sources = sources & self.existing();
        let pending = self.sources.get_mut(vcpu).and_then(|all| all.get_mut(sgi));
        if let Some(pending) = pending.filter(|_| sources != 0) {
            *pending |= sources;
            self.latched.add(vcpu, 1 << sgi);
        }
    }

    /// An SGI is no longer pending for a vCPU from these.
    fn take_back(&mut self, vcpu: usize, sgi: usize, sources: u8) {
        let pending = self.sources.get_mut(vcpu).and_then(|all| all.get_mut(sgi));
        if let Some(pending) = pending {
            *pending &= !sources;
            if *pending == 0 {
                self.latched.remove(vcpu, 1 << sgi);
            }
        }
    }

    /// A bit for each vCPU.
    fn existing(&self) -> u8 {
        (1 << self.vcpus) - 1
    }

    fn read_bytes(&self, vcpu: usize, offset: u64, first: u64, width: Width) -> u64 {
        (0..width as u64).fold(0, |value, i| {
            let n = (offset - first + i) as usize;
            let byte = match first {
                IPRIORITYR => self.priority(vcpu, n as u16),
                // The banked ones say which CPU reads (4.3.12); that is how a guest learns its own number.
                ITARGETSR if n < 32 => 1 << vcpu,
                // Read-only and zero on a uniprocessor.
                ITARGETSR if self.vcpus > 1 => self.targets_of(n as u16),
                CPENDSGIR | SPENDSGIR => (self.sources.get(vcpu))
                    .and_then(|sgi| sgi.get(n).copied())
                    .unwrap_or(0),
                _ => 0,
            };
            value | u64::from(byte) << (8 * i)
        })
    }

    /// The vCPUs that a shared interrupt may go to.
    fn targets_of(&self, irq: u16) -> u8 {
        let targets = self.targets.iter().enumerate();
        targets.fold(0, |byte, (vcpu, all)| {
            byte | u8::from(all & bit(irq) != 0) << vcpu
        })
    }

    fn set_targets(&mut self, irq: u16, targets: u8) {
        for (vcpu, all) in self.targets.iter_mut().enumerate().take(self.vcpus) {
            match targets >> vcpu & 1 {
                1 => *all |= bit(irq),
                _ => *all &= !bit(irq),
            }
        }
    }

    fn write_bytes(&mut self, vcpu: usize, offset: u64, first: u64, width: Width, value: u64) {
        for i in 0..width as u64 {
            let n = (offset - first + i) as usize;
            let byte = (value >> (8 * i)) as u8;
            match first {
                // 32 levels of priority: the virtual CPU interface has five bits.
                IPRIORITYR => self.set_priority(vcpu, n, byte & 0xf8),
                ITARGETSR if n >= 32 && self.vcpus > 1 => self.set_targets(n as u16, byte),
                CPENDSGIR => self.take_back(vcpu, n, byte),
                SPENDSGIR => self.send(vcpu, n, byte),
                _ => {}
            }
        }
    }

    fn set_priority(&mut self, vcpu: usize, n: usize, value: u8) {
        let place = match n.checked_sub(PRIVATE) {
            Some(n) => self.shared_priority.get_mut(n),
            None => (self.private_priority.get_mut(vcpu)).and_then(|private| private.get_mut(n)),
        };
        if let Some(place) = place {
            *place = value;
        }
    }
}

/// The first register of the byte-accessible block that `offset` is in.
fn byte_registers(offset: u64, width: Width) -> Option<u64> {
    let first = match offset {
        0x400..0x800 => 0x400,
        0x800..0xc00 => 0x800,
        0xf10..0xf20 => 0xf10,
        0xf20..0xf30 => 0xf20,
        _ => return None,
    };
    matches!(width, Width::Byte | Width::Word).then_some(first)
}

fn word(bits: u128, offset: u64) -> u32 {
    match offset as u32 & 0x7f {
        n @ 0..16 => (bits >> (n / 4 * 32)) as u32,
        _ => 0,
    }
}

fn place(word: u32, offset: u64) -> u128 {
    match offset as u32 & 0x7f {
        n @ 0..16 => u128::from(word) << (n / 4 * 32),
        _ => 0,
    }
}
