// SPDX-License-Identifier: BSD-2-Clause
//! Implements the core's trait [`Hardware`] with the other modules.

use molt_kernel_core::hardware::{
    CacheOperation, Hardware, InjectError, Interrupt, TcbId, Trigger, VcpuId, VirtualIrq,
};

use crate::fp::FpState;
use crate::gic::Gic;
use crate::memory::Memory;
use crate::registers::{instruction, read_register};
use crate::spaces::Spaces;
use crate::timer::Timer;
use crate::vcpu::{self, VcpuState};
use crate::vgic::Vgic;

/// Maintenance of the virtual interrupt controller.
const MAINTENANCE: u32 = 25;
/// The hypervisor's timer.
const TIMER: u32 = 26;
/// The virtual timer of the vCPU that is loaded.
const VIRTUAL_TIMER: u32 = 27;

/// Interrupts for which no user gets a handler.
pub const RESERVED: [u32; 3] = [MAINTENANCE, TIMER, VIRTUAL_TIMER];

/// The board's one core.
pub struct Machine {
    memory: Memory,
    timer: Timer,
    gic: Gic,
    vgic: Vgic,
    /// Users' address spaces.
    pub spaces: Spaces,
    /// The vCPU whose registers are in the machine.
    pub vcpu: Option<VcpuId>,
    /// The thread whose FP registers are in the machine.
    pub fp_owner: Option<TcbId>,
}

impl Machine {
    /// Takes the machine over. Called once.
    pub fn new() -> Self {
        let machine = Self {
            memory: Memory::new(),
            timer: Timer::new(),
            gic: Gic::new(),
            vgic: Vgic::new(),
            spaces: Spaces::new(),
            vcpu: None,
            fp_owner: None,
        };
        vcpu::make_native();
        machine.gic.set_masked(MAINTENANCE, false);
        machine.gic.set_masked(TIMER, false);
        machine
    }

    /// Loads a vCPU; none is loaded.
    pub fn load_vcpu(&mut self, vcpu: VcpuId, state: &VcpuState) {
        state.load();
        self.vgic.load(&state.vgic);
        self.gic.set_masked(VIRTUAL_TIMER, state.timer_masked);
        self.vcpu = Some(vcpu);
    }

    fn is_loaded(&self, vcpu: VcpuId) -> bool {
        self.vcpu == Some(vcpu)
    }
}

impl Hardware for Machine {
    type ThreadState = FpState;
    type VcpuState = VcpuState;

    fn read_word(&self, paddr: u64) -> u64 {
        self.memory.read(paddr)
    }

    fn write_word(&mut self, paddr: u64, value: u64) {
        self.memory.write(paddr, value);
    }

    fn clear(&mut self, paddr: u64, bytes: u64) {
        self.memory.clear(paddr, bytes);
    }

    fn write_descriptor(&mut self, paddr: u64, value: u64) {
        // Walks are cacheable and inner shareable (VTCR_EL2), so the walker sees the caches.
        self.memory.write(paddr, value);
        instruction!("dsb ishst");
    }

    fn tlb_invalidate_page(&mut self, asid: u16, vaddr: u64) {
        self.spaces.forget_page(asid, vaddr);
    }

    fn tlb_invalidate_asid(&mut self, asid: u16) {
        self.spaces.forget(asid);
    }

    fn cache(&mut self, operation: CacheOperation, paddr: u64, bytes: u64) {
        self.memory.cache(operation, paddr, bytes);
    }

    fn now(&self) -> u64 {
        self.timer.now()
    }

    fn set_deadline(&mut self, ticks: u64) {
        self.timer.set(ticks);
    }

    fn us_to_ticks(&self, us: u64) -> u64 {
        self.timer.ticks(us)
    }

    fn ticks_to_us(&self, ticks: u64) -> u64 {
        self.timer.microseconds(ticks)
    }

    fn interrupt_pending(&mut self) -> bool {
        // ISR_EL1.I: at EL2, a physical interrupt is pending.
        read_register!("isr_el1") & 1 << 7 != 0
    }

    fn interrupt_take(&mut self) -> Option<Interrupt> {
        Some(match self.gic.take()? {
            TIMER => {
                // It is level-triggered: off until the core sets the next deadline.
                self.timer.set(u64::MAX);
                Interrupt::Timer
            }
            MAINTENANCE => Interrupt::VgicMaintenance,
            VIRTUAL_TIMER => Interrupt::Vppi { irq: VIRTUAL_TIMER },
            irq => Interrupt::Device { irq },
        })
    }

    fn interrupt_end(&mut self, interrupt: Interrupt) {
        self.gic.end(match interrupt {
            Interrupt::Timer => TIMER,
            Interrupt::VgicMaintenance => MAINTENANCE,
            Interrupt::Vppi { irq } | Interrupt::Device { irq } => irq,
        });
    }

    fn irq_set_masked(&mut self, irq: u32, masked: bool) {
        self.gic.set_masked(irq, masked);
    }

    fn irq_set_trigger(&mut self, irq: u32, trigger: Trigger) -> bool {
        self.gic.set_trigger(irq, trigger)
    }

    fn vgic_take_ended(&mut self) -> Option<u32> {
        self.vgic.take_ended()
    }

    fn vcpu_read(&mut self, vcpu: VcpuId, state: &mut VcpuState, register: u32) -> u64 {
        if self.is_loaded(vcpu) {
            vcpu::read_live(register)
        } else {
            state.read(register)
        }
    }

    fn vcpu_write(&mut self, vcpu: VcpuId, state: &mut VcpuState, register: u32, value: u64) {
        if self.is_loaded(vcpu) {
            vcpu::write_live(register, value);
        } else {
            state.write(register, value);
        }
    }

    fn vcpu_inject(
        &mut self,
        vcpu: VcpuId,
        state: &mut VcpuState,
        irq: VirtualIrq,
    ) -> Result<(), InjectError> {
        let loaded = self.is_loaded(vcpu);
        self.vgic.inject(&mut state.vgic, loaded, irq)
    }

    fn vppi_set_masked(&mut self, vcpu: VcpuId, state: &mut VcpuState, irq: u32, masked: bool) {
        if irq == VIRTUAL_TIMER {
            state.timer_masked = masked;
            if self.is_loaded(vcpu) {
                self.gic.set_masked(irq, masked);
            }
        }
    }

    fn vcpu_unload(&mut self, vcpu: VcpuId, state: &mut VcpuState) {
        if self.is_loaded(vcpu) {
            self.gic.set_masked(VIRTUAL_TIMER, true);
            self.vgic.save(&mut state.vgic);
            state.save();
            self.vcpu = None;
        }
    }

    fn thread_unload(&mut self, thread: TcbId, _state: &mut FpState) {
        if self.fp_owner == Some(thread) {
            self.fp_owner = None;
        }
    }
}
