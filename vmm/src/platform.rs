// SPDX-License-Identifier: BSD-2-Clause
//! The interface to what the device model runs on: the vCPUs, the clock and the neighbours.

/// Registers of EL1 and of the virtual timer that the model reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VcpuRegister {
    /// ESR_EL1.
    Esr,
    /// FAR_EL1.
    Far,
    /// VBAR_EL1.
    Vbar,
    /// ELR_EL1.
    Elr,
    /// SPSR_EL1.
    Spsr,
    /// CNTV_CTL_EL0.
    TimerControl,
    /// CNTV_CVAL_EL0.
    TimerCompare,
    /// CNTVOFF_EL2.
    TimerOffset,
}

/// Why a list register was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InjectError {
    /// There are fewer list registers.
    NoSuchRegister,
    /// It holds another interrupt.
    InUse,
}

/// The world around the device model. Every call is short and never blocks.
pub trait Platform {
    /// Puts interrupt `irq` into list register `index` of a vCPU, pending. `priority` is 0 to 31, 0 the most urgent.
    ///
    /// # Errors
    /// See [`InjectError`]; nothing has happened then.
    fn inject(
        &mut self,
        vcpu: usize,
        index: u8,
        irq: u16,
        priority: u8,
        group: u8,
    ) -> Result<(), InjectError>;
    /// Unmasks the private peripheral interrupt that a vCPU has reported last (`VCPU_AckVPPI`).
    fn acknowledge_vppi(&mut self, vcpu: usize, irq: u16);
    /// Reads a register of a vCPU.
    fn read_vcpu(&mut self, vcpu: usize, register: VcpuRegister) -> u64;
    /// Writes a register of a vCPU.
    fn write_vcpu(&mut self, vcpu: usize, register: VcpuRegister, value: u64);
    /// Gives a vCPU's system registers, those of its timer too, the contents that they had before its first start. It is not
    /// running.
    fn reset_vcpu(&mut self, vcpu: usize);
    /// The VMM has written `length` bytes of the guest's memory from `offset` on, which a vCPU without MMU and caches is to read
    /// and to execute: they are cleaned out of the caches ([`molt_shared::Handover`]). The range lies within 2 MiB that are
    /// aligned.
    fn hand_over(&mut self, offset: u64, length: u64);
    /// The physical counter, CNTPCT_EL0.
    fn now(&mut self) -> u64;
    /// Asks for one wake-up when the physical counter reaches `at`; 0 cancels it.
    fn set_timer(&mut self, at: u64);
    /// Tells the driver of device `n` (as the system description counts them) that there are requests.
    fn notify_driver(&mut self, n: usize);
    /// Whether the interrupt of device `n`, which the guest drives itself, has come since this was last asked. It is masked until it
    /// is acknowledged.
    fn take_interrupt(&mut self, n: usize) -> bool;
    /// Acknowledges it (`IRQHandler_Ack`), if this PD has it.
    fn acknowledge_interrupt(&mut self, n: usize);
    /// Notifies `update` that its page has changed.
    fn notify_update(&mut self);
    /// Tells `serial` that a console has printed something, or has taken what was typed.
    fn notify_serial(&mut self);
}
