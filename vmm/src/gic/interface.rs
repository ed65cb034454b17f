// SPDX-License-Identifier: BSD-2-Clause
//! The emulated CPU interface of each of several vCPUs (GICv2 architecture specification, 4.4, as a guest sees it: GICV).
//!
//! The hardware's interface is at another address, where the guest does not look for it. It is switched on once, and then the first
//! list register is the vCPU's interrupt line: what is in it is of group 0, which signals, or of group 1, which does not. Nobody
//! acknowledges it.
//!
//! Not there: FIQs (FIQEn), a common binary point (CBPR), and the separate deactivation (EOImode), whose register is outside the
//! frame that the device tree names. These bits of GICC_CTLR read as zero.

use super::{Gic, bit};
use crate::platform::Platform;
use crate::syndrome::Width;

/// The interrupt in the list register that serves as the line.
pub const LINE: u16 = 31;

const CTLR: u64 = 0x00;
const PMR: u64 = 0x04;
const BPR: u64 = 0x08;
const IAR: u64 = 0x0c;
const EOIR: u64 = 0x10;
const RPR: u64 = 0x14;
const HPPIR: u64 = 0x18;
const ABPR: u64 = 0x1c;
const AIAR: u64 = 0x20;
const AEOIR: u64 = 0x24;
const AHPPIR: u64 = 0x28;
const APR0: u64 = 0xd0;
const IIDR: u64 = 0xfc;

/// GICC_CTLR: EnableGrp0 and EnableGrp1, like GICD_CTLR; AckCtl.
const GROUPS: u32 = 3;
const ACK_CTL: u32 = 4;
/// Smallest binary points for 32 levels of priority.
const MIN_BPR: u8 = 2;
const MIN_ABPR: u8 = 3;
const SPURIOUS: u16 = 1023;
/// There is an interrupt, of group 1.
const OTHER_GROUP: u16 = 1022;

/// The CPU interface of a vCPU.
#[derive(Clone, Copy)]
pub struct Interface {
    control: u32,
    /// Only what is more urgent is signalled.
    mask: u8,
    binary_point: u8,
    aliased_binary_point: u8,
    /// A bit for each level of priority at which an interrupt is active, as in GICC_APR0.
    priorities: u32,
    /// The level of the line that the list register shows; `None`: it shows nothing yet.
    line: Option<bool>,
}

impl Interface {
    /// After a reset.
    pub const OFF: Self = Self {
        control: 0,
        mask: 0,
        binary_point: MIN_BPR,
        aliased_binary_point: MIN_ABPR,
        priorities: 0,
        line: None,
    };

    /// The part of a priority that decides about preemption (GICv2 3.3.3).
    fn group_priority(&self, priority: u8, group1: bool) -> u8 {
        let shift = match group1 {
            true => self.aliased_binary_point,
            false => self.binary_point + 1,
        };
        priority & (0xff_u16 << shift) as u8
    }

    /// The most urgent priority that is active; 0x100: none is.
    fn running(&self) -> u16 {
        (self.priorities.trailing_zeros() * 8) as u16
    }
}

impl Gic {
    /// The interrupt that the vCPU is to take now: more urgent than the mask and than what it is handling.
    pub(super) fn signals(&self, vcpu: usize) -> Option<u16> {
        let interface = self.interfaces.get(vcpu)?;
        let irq = self.next(vcpu, self.enabled_groups & interface.control)?;
        let priority = self.priority(vcpu, irq);
        let group = interface.group_priority(priority, self.is_group1(vcpu, irq));
        (priority < interface.mask && u16::from(group) < interface.running()).then_some(irq)
    }

    fn is_group1(&self, vcpu: usize, irq: u16) -> bool {
        self.group1.of(vcpu) & bit(irq) != 0
    }

    /// Shows each vCPU the level of its line.
    pub(super) fn show_lines(&mut self, platform: &mut dyn Platform) {
        for vcpu in 0..self.vcpus {
            let high = self.signals(vcpu).is_some();
            if let Some(interface) = self.interfaces.get_mut(vcpu)
                && interface.line.replace(high) != Some(high)
            {
                let (priority, group) = if high { (0, 0) } else { (31, 1) };
                // The register exists, and what is in it was not acknowledged; a guest that looks for the hardware's
                // interface and uses it can only lose its own interrupts.
                let _ = platform.inject(vcpu, 0, LINE, priority, group);
            }
        }
    }

    /// The list register does not show the line any more (maintenance interrupt).
    pub fn lost_line(&mut self, vcpu: usize) {
        if let Some(interface) = self.interfaces.get_mut(vcpu) {
            interface.line = None;
        }
    }

    /// Reads a register of the vCPU's CPU interface. Reserved ones read as zero. IAR and AIAR acknowledge.
    pub fn read_interface(&mut self, vcpu: usize, offset: u64, width: Width) -> u64 {
        let Some(interface) = self.interfaces.get(vcpu).filter(|_| width == Width::Word) else {
            return 0;
        };
        let value = match offset {
            CTLR => interface.control,
            PMR => interface.mask.into(),
            BPR => interface.binary_point.into(),
            ABPR => interface.aliased_binary_point.into(),
            RPR => interface.running().min(0xff).into(),
            APR0 => interface.priorities,
            // Architecture version 2.
            IIDR => 0x0002_043b,
            IAR => self.acknowledge(vcpu, false),
            AIAR => self.acknowledge(vcpu, true),
            HPPIR => self.highest(vcpu, false),
            AHPPIR => self.highest(vcpu, true),
            _ => 0,
        };
        value.into()
    }

    /// Writes a register of the vCPU's CPU interface. Returns the interrupt that this has ended.
    pub fn write_interface(
        &mut self,
        vcpu: usize,
        offset: u64,
        width: Width,
        value: u64,
    ) -> Option<u16> {
        let interface = self.interfaces.get_mut(vcpu)?;
        if width != Width::Word {
            return None;
        }
        let value = value as u32;
        match offset {
            CTLR => interface.control = value & (GROUPS | ACK_CTL),
            // 32 levels.
            PMR => interface.mask = value as u8 & 0xf8,
            BPR => interface.binary_point = (value as u8 & 7).max(MIN_BPR),
            ABPR => interface.aliased_binary_point = (value as u8 & 7).max(MIN_ABPR),
            APR0 => interface.priorities = value,
            EOIR | AEOIR => return self.end(vcpu, value),
            _ => {}
        }
        None
    }

    /// Which register shows an interrupt of this group: with AckCtl, the first shows both (4.4.4).
    fn seen(&self, vcpu: usize, irq: u16, aliased: bool) -> Result<(), u16> {
        let group1 = self.is_group1(vcpu, irq);
        let ack_ctl = (self.interfaces.get(vcpu)).is_some_and(|i| i.control & ACK_CTL != 0);
        match (aliased, group1) {
            (false, false) | (true, true) => Ok(()),
            (false, true) if ack_ctl => Ok(()),
            (false, true) => Err(OTHER_GROUP),
            (true, false) => Err(SPURIOUS),
        }
    }

    fn acknowledge(&mut self, vcpu: usize, aliased: bool) -> u32 {
        let Some(irq) = self.signals(vcpu) else {
            return SPURIOUS.into();
        };
        if let Err(special) = self.seen(vcpu, irq, aliased) {
            return special.into();
        }
        let (priority, group1) = (self.priority(vcpu, irq), self.is_group1(vcpu, irq));
        let source = self.deliver(vcpu, irq);
        self.active.add(vcpu, bit(irq));
        if let Some(interface) = self.interfaces.get_mut(vcpu) {
            let level = interface.group_priority(priority, group1) >> 3;
            interface.priorities |= 1 << level;
        }
        u32::from(irq) | u32::from(source) << 10
    }

    /// What would be acknowledged, were its priority sufficient.
    fn highest(&self, vcpu: usize, aliased: bool) -> u32 {
        let Some(irq) = self.next(vcpu, self.enabled_groups) else {
            return SPURIOUS.into();
        };
        if let Err(special) = self.seen(vcpu, irq, aliased) {
            return special.into();
        }
        let sources = (self.sources.get(vcpu)).and_then(|sgi| sgi.get(usize::from(irq)));
        let source = sources.map_or(0, |sources| sources.trailing_zeros() % u8::BITS);
        u32::from(irq) | source << 10
    }

    /// The priority drops, and the interrupt is no longer active.
    fn end(&mut self, vcpu: usize, value: u32) -> Option<u16> {
        let irq = value as u16 & 0x3ff;
        if irq >= OTHER_GROUP - 2 {
            return None;
        }
        if let Some(interface) = self.interfaces.get_mut(vcpu) {
            interface.priorities &= interface.priorities.wrapping_sub(1);
        }
        let was = self.active.of(vcpu) & bit(irq) != 0;
        self.active.remove(vcpu, bit(irq));
        was.then_some(irq)
    }
}
