// SPDX-License-Identifier: BSD-2-Clause
//! The machine for the kernel's core. Its clock stands still: the simulation decides who runs when.

use std::sync::atomic::Ordering;

use molt_kernel_core::Hardware;
use molt_kernel_core::hardware::{
    CacheOperation, InjectError, Interrupt, TcbId, Trigger, VcpuId, VirtualIrq,
};

use crate::ram::Ram;

/// Memory and nothing else.
pub struct Machine(pub Ram);

impl Hardware for Machine {
    type ThreadState = ();
    type VcpuState = ();

    fn read_word(&self, paddr: u64) -> u64 {
        self.0.word(paddr).load(Ordering::Relaxed)
    }

    fn write_word(&mut self, paddr: u64, value: u64) {
        self.0.word(paddr).store(value, Ordering::Relaxed);
    }

    fn clear(&mut self, paddr: u64, bytes: u64) {
        for word in self.0.words(paddr, bytes) {
            word.store(0, Ordering::Relaxed);
        }
    }

    fn write_descriptor(&mut self, paddr: u64, value: u64) {
        self.write_word(paddr, value);
    }

    fn tlb_invalidate_page(&mut self, _: u16, _: u64) {}
    fn tlb_invalidate_asid(&mut self, _: u16) {}
    fn cache(&mut self, _: CacheOperation, _: u64, _: u64) {}

    fn now(&self) -> u64 {
        0
    }

    fn set_deadline(&mut self, _: u64) {}

    fn us_to_ticks(&self, us: u64) -> u64 {
        us
    }

    fn ticks_to_us(&self, ticks: u64) -> u64 {
        ticks
    }

    fn interrupt_pending(&mut self) -> bool {
        false
    }

    fn interrupt_take(&mut self) -> Option<Interrupt> {
        None
    }

    fn interrupt_end(&mut self, _: Interrupt) {}
    fn irq_set_masked(&mut self, _: u32, _: bool) {}

    fn irq_set_trigger(&mut self, _: u32, _: Trigger) -> bool {
        true
    }

    fn vgic_take_ended(&mut self) -> Option<u32> {
        None
    }

    fn vcpu_read(&mut self, _: VcpuId, (): &mut (), _: u32) -> u64 {
        0
    }

    fn vcpu_write(&mut self, _: VcpuId, (): &mut (), _: u32, _: u64) {}

    fn vcpu_inject(&mut self, _: VcpuId, (): &mut (), _: VirtualIrq) -> Result<(), InjectError> {
        Err(InjectError::NoSuchListRegister(0))
    }

    fn vppi_set_masked(&mut self, _: VcpuId, (): &mut (), _: u32, _: bool) {}
    fn vcpu_unload(&mut self, _: VcpuId, (): &mut ()) {}
    fn thread_unload(&mut self, _: TcbId, (): &mut ()) {}
}
