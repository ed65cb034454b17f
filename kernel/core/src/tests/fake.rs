// SPDX-License-Identifier: BSD-2-Clause
//! A fake machine: memory, a clock that the test advances, interrupts that the test raises.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};

use crate::hardware::{
    CacheOperation, Hardware, InjectError, Interrupt, TcbId, Trigger, VcpuId, VirtualIrq,
};

/// Ticks of a microsecond.
pub const TICKS_PER_US: u64 = 10;

#[derive(Default)]
pub struct Fake {
    pub memory: BTreeMap<u64, u64>,
    pub now: u64,
    pub deadline: u64,
    pub pending: VecDeque<Interrupt>,
    /// `interrupt_pending` is true from this poll on.
    pub interrupt_at_poll: Option<u64>,
    pub polls: u64,
    /// Slots or chunks worked on between two polls are measured by these.
    pub clears_since_poll: u64,
    pub most_clears: u64,
    pub unmasked: BTreeSet<u32>,
    /// What the TLB knows: descriptors by ASID and address of the page. See `tests::tlb`.
    pub tlb: BTreeMap<(u16, u64), u64>,
    pub injected: Vec<VirtualIrq>,
}

impl Hardware for Fake {
    type ThreadState = ();
    type VcpuState = BTreeMap<u32, u64>;

    fn read_word(&self, paddr: u64) -> u64 {
        assert_eq!(paddr % 8, 0);
        self.memory.get(&paddr).copied().unwrap_or(0)
    }

    fn write_word(&mut self, paddr: u64, value: u64) {
        assert_eq!(paddr % 8, 0);
        self.memory.insert(paddr, value);
    }

    fn clear(&mut self, paddr: u64, bytes: u64) {
        assert!(bytes <= 4096);
        self.clears_since_poll += 1;
        self.most_clears = self.most_clears.max(self.clears_since_poll);
        let words: Vec<u64> = self
            .memory
            .range(paddr..paddr + bytes)
            .map(|(a, _)| *a)
            .collect();
        for word in words {
            self.memory.remove(&word);
        }
    }

    fn write_descriptor(&mut self, paddr: u64, value: u64) {
        self.write_word(paddr, value);
    }

    fn tlb_invalidate_page(&mut self, asid: u16, vaddr: u64) {
        self.tlb.remove(&(asid, vaddr));
    }

    fn tlb_invalidate_asid(&mut self, asid: u16) {
        self.tlb.retain(|(other, _), _| *other != asid);
    }

    fn cache(&mut self, _: CacheOperation, _: u64, _: u64) {}

    fn now(&self) -> u64 {
        self.now
    }

    fn set_deadline(&mut self, ticks: u64) {
        self.deadline = ticks;
    }

    fn us_to_ticks(&self, us: u64) -> u64 {
        us.saturating_mul(TICKS_PER_US)
    }

    fn ticks_to_us(&self, ticks: u64) -> u64 {
        ticks / TICKS_PER_US
    }

    fn interrupt_pending(&mut self) -> bool {
        self.polls += 1;
        self.clears_since_poll = 0;
        !self.pending.is_empty() || self.interrupt_at_poll.is_some_and(|at| self.polls >= at)
    }

    fn interrupt_take(&mut self) -> Option<Interrupt> {
        self.interrupt_at_poll = None;
        self.pending.pop_front()
    }

    fn interrupt_end(&mut self, _: Interrupt) {}

    fn irq_set_masked(&mut self, irq: u32, masked: bool) {
        if masked {
            self.unmasked.remove(&irq);
        } else {
            self.unmasked.insert(irq);
        }
    }

    fn irq_set_trigger(&mut self, _: u32, _: Trigger) -> bool {
        true
    }

    fn vgic_take_ended(&mut self) -> Option<u32> {
        Some(1)
    }

    fn vcpu_read(&mut self, _: VcpuId, state: &mut Self::VcpuState, register: u32) -> u64 {
        state.get(&register).copied().unwrap_or(0)
    }

    fn vcpu_write(&mut self, _: VcpuId, state: &mut Self::VcpuState, register: u32, value: u64) {
        state.insert(register, value);
    }

    fn vcpu_inject(
        &mut self,
        _: VcpuId,
        _: &mut Self::VcpuState,
        irq: VirtualIrq,
    ) -> Result<(), InjectError> {
        if irq.index >= 4 {
            return Err(InjectError::NoSuchListRegister(4));
        }
        if self.injected.iter().any(|i| i.index == irq.index) {
            return Err(InjectError::InUse);
        }
        self.injected.push(irq);
        Ok(())
    }

    fn vppi_set_masked(&mut self, _: VcpuId, state: &mut Self::VcpuState, irq: u32, masked: bool) {
        state.insert(1000 + irq, u64::from(masked));
    }

    fn vcpu_unload(&mut self, _: VcpuId, _: &mut Self::VcpuState) {}

    fn thread_unload(&mut self, _: TcbId, _: &mut ()) {}
}
