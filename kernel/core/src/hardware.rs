// SPDX-License-Identifier: BSD-2-Clause
//! The interface between the core and the machine, implemented by `kernel/arch` (and in host tests by a fake).
//!
//! The core decides *what* is mapped, masked, injected or run; the implementation carries it out.
//! Nothing here may block, and nothing here calls back into the core.

/// A thread, by its place in the kernel's table. Numbers are reused after deletion.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub struct TcbId(pub u32);

/// A virtual CPU, by its place in the kernel's table. Numbers are reused after deletion.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub struct VcpuId(pub u32);

/// What the interrupt controller delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interrupt {
    /// The kernel's own timer: the deadline of [`Hardware::set_deadline`] has come.
    Timer,
    /// The virtual interrupt controller wants maintenance ([`Hardware::vgic_take_ended`]). It is level-triggered.
    VgicMaintenance,
    /// A private interrupt of the running guest (27: its virtual timer).
    Vppi {
        /// Interrupt number.
        irq: u32,
    },
    /// Anything else, by its number at the controller.
    Device {
        /// Interrupt number.
        irq: u32,
    },
}

impl Interrupt {
    /// Its number where the core has to name it to the controller; the arch part keeps the
    /// numbers of the timer and of maintenance to itself.
    pub fn number(self) -> Option<u32> {
        match self {
            Interrupt::Vppi { irq } | Interrupt::Device { irq } => Some(irq),
            Interrupt::Timer | Interrupt::VgicMaintenance => None,
        }
    }
}

/// Cache maintenance on physical memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CacheOperation {
    /// Write back to the point of coherency.
    Clean,
    /// Throw away (the core never asks this for memory that it has not first cleaned).
    Invalidate,
    /// Write back and throw away.
    CleanInvalidate,
    /// Clean to the point of unification, invalidate the instruction cache.
    UnifyInstruction,
}

/// How an interrupt is signalled by its source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trigger {
    /// High level.
    Level,
    /// Rising edge.
    Edge,
}

/// Why a virtual interrupt was not injected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InjectError {
    /// There are fewer list registers; holds their number.
    NoSuchListRegister(u32),
    /// The list register is still pending or active.
    InUse,
}

/// A virtual interrupt as `ARM_VCPU_InjectIRQ` names it; all fields are in range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VirtualIrq {
    /// 0..=1023.
    pub virq: u16,
    /// 0..=31.
    pub priority: u8,
    /// 0 or 1.
    pub group: u8,
    /// List register.
    pub index: u8,
}

/// The machine. Physical addresses (`paddr`) are bytes; time is in ticks of the timer.
///
/// `read_word`, `write_word`, `clear` and `cache` are called only with addresses in the RAM that
/// `BootInput` named (8-aligned for words), never with device memory.
pub trait Hardware {
    /// State of a thread that only the arch part understands (FP/SIMD registers); lives in the TCB.
    type ThreadState: Default;
    /// State of a vCPU that only the arch part understands (EL1 registers, list registers, mask
    /// of its virtual timer); lives in the vCPU object.
    type VcpuState: Default;

    /// Read a word of RAM.
    fn read_word(&self, paddr: u64) -> u64;
    /// Write a word of RAM (IPC buffer, BootInfo, ...).
    fn write_word(&mut self, paddr: u64, value: u64);
    /// Fill with zeroes and clean to the point of coherency. At most 4 KiB a call.
    fn clear(&mut self, paddr: u64, bytes: u64);
    /// Write a descriptor of a translation table, in a way that the table walker sees it
    /// (clean if need be, `dsb ishst`). The TLB is separate.
    fn write_descriptor(&mut self, paddr: u64, value: u64);
    /// Forget the translations of one page (any size) of an address space.
    fn tlb_invalidate_page(&mut self, asid: u16, vaddr: u64);
    /// Forget all translations of an address space. The ASID may be reused afterwards.
    fn tlb_invalidate_asid(&mut self, asid: u16);
    /// Cache maintenance on a piece of RAM.
    fn cache(&mut self, operation: CacheOperation, paddr: u64, bytes: u64);

    /// Ticks now; monotonic.
    fn now(&self) -> u64;
    /// Ask for [`Interrupt::Timer`] at (or soon after) this time; replaces the previous request.
    /// A time that has passed fires at once.
    fn set_deadline(&mut self, ticks: u64);
    /// Microseconds to ticks, rounded down.
    fn us_to_ticks(&self, us: u64) -> u64;
    /// Ticks to microseconds, rounded down.
    fn ticks_to_us(&self, ticks: u64) -> u64;

    /// Is an interrupt waiting for the core to take it? Cheap: polled in long operations.
    fn interrupt_pending(&mut self) -> bool;
    /// Take (acknowledge) the highest pending interrupt; `None` if spurious.
    fn interrupt_take(&mut self) -> Option<Interrupt>;
    /// End of an interrupt that was taken: the controller may deliver it again, if not masked.
    fn interrupt_end(&mut self, interrupt: Interrupt);
    /// Mask or unmask an interrupt line.
    fn irq_set_masked(&mut self, irq: u32, masked: bool);
    /// Choose how a line is triggered. `false` if the controller cannot (the core ignores it).
    fn irq_set_trigger(&mut self, irq: u32, trigger: Trigger) -> bool;

    /// The first list register of the loaded vCPU whose interrupt the guest has ended (0..=63); `None` if there is none. It is
    /// not reported again, and the maintenance interrupt goes away with the last one.
    fn vgic_take_ended(&mut self) -> Option<u32>;
    /// A register of a vCPU by seL4's number (0..=23; checked). The live value where the vCPU is
    /// the one loaded, else the one in `state`.
    fn vcpu_read(&mut self, vcpu: VcpuId, state: &mut Self::VcpuState, register: u32) -> u64;
    /// Write it.
    fn vcpu_write(&mut self, vcpu: VcpuId, state: &mut Self::VcpuState, register: u32, value: u64);
    /// Put a virtual interrupt into a list register.
    fn vcpu_inject(
        &mut self,
        vcpu: VcpuId,
        state: &mut Self::VcpuState,
        irq: VirtualIrq,
    ) -> Result<(), InjectError>;
    /// Mask (event delivered) or unmask (`AckVPPI`) a private interrupt of this vCPU. Has effect
    /// on the line while the vCPU is loaded and is remembered otherwise.
    fn vppi_set_masked(
        &mut self,
        vcpu: VcpuId,
        state: &mut Self::VcpuState,
        irq: u32,
        masked: bool,
    );
    /// The vCPU is going away, or its thread changes: save it into `state` if it is loaded and
    /// leave the machine as for a native thread.
    fn vcpu_unload(&mut self, vcpu: VcpuId, state: &mut Self::VcpuState);
    /// The thread is going away: forget lazily kept state (FP owner).
    fn thread_unload(&mut self, thread: TcbId, state: &mut Self::ThreadState);
    /// Debug and accounting hook: nothing is runnable until the next interrupt. May do nothing.
    fn idle(&mut self) {}
}
