// SPDX-License-Identifier: BSD-2-Clause
//! The device model's platform on seL4: the vCPUs, the clock, and the neighbours' channels.

use molt_shared::handover::{Handover, Maintenance, Step};
use molt_system::{MAX_SHARES, VmmBrief, cspace};
use molt_vmm::{InjectError, MAX_VCPUS, Platform, VcpuRegister};
use sel4::sys::invocation_label as label;
use sel4::{VCpuReg, cap};
use sel4_extra::{VSpaceExt, Vcpu};
use sel4_microkit::{Channel, MessageInfo, set_mr};

use crate::brief;
use crate::console::Console;
use crate::event::{Order, Orders};

/// Label of the timer's only procedure: wake the caller when the counter reaches MR0, or never for 0.
const SET_TIMER: u64 = 1;

/// The system registers of a vCPU that a guest can have changed. The timer's control comes first, so that a timer that is being
/// reset raises nothing. (Upstream's bindings do not name PAR_EL1 and CNTKCTL_EL1, which are unknown after a reset anyway.)
const REGISTERS: [VCpuReg; 20] = [
    VCpuReg::CNTV_CTL,
    VCpuReg::CNTV_CVAL,
    VCpuReg::CNTVOFF,
    VCpuReg::SCTLR,
    VCpuReg::CPACR,
    VCpuReg::TTBR0,
    VCpuReg::TTBR1,
    VCpuReg::TCR,
    VCpuReg::MAIR,
    VCpuReg::AMAIR,
    VCpuReg::CIDR,
    VCpuReg::AFSR0,
    VCpuReg::AFSR1,
    VCpuReg::ESR,
    VCpuReg::FAR,
    VCpuReg::VBAR,
    VCpuReg::TPIDR_EL1,
    VCpuReg::SP_EL1,
    VCpuReg::ELR_EL1,
    VCpuReg::SPSR_EL1,
];

/// The kernel's number of VMPIDR_EL2 (`seL4_VCPUReg_VMPIDR_EL2`), which upstream's bindings do not name.
const VMPIDR: u64 = 16;

/// This PD's own address space.
const VSPACE: cap::VSpace = sel4::Cap::from_bits(cspace::VSPACE);

/// An interrupt that is passed on to the guest.
#[derive(Clone, Copy)]
struct Interrupt {
    channel: Channel,
    /// It has come, and the model has not asked yet.
    came: bool,
}

/// Everything outside the device model.
pub struct Hardware {
    /// Orders to the kernel that are put off.
    pub orders: Orders,
    /// List registers below this are known to exist, so that an order to fill one can be put off.
    list_registers: u8,
    /// The console, also for the VMM's own lines.
    pub console: Console,
    timer: Option<Channel>,
    update: Option<Channel>,
    drivers: [Option<Channel>; MAX_SHARES],
    /// The interrupts of devices that the guest drives itself, by share.
    passed: [Option<Interrupt>; MAX_SHARES],
    /// The wake-up time that was set and has not come yet; 0: none.
    timer_at: u64,
    /// What [`REGISTERS`] of a vCPU contained before the first start.
    fresh: [u64; REGISTERS.len()],
    /// Address here of the guest's memory, and bytes of the pages with which it is mapped.
    memory: (usize, usize),
}

impl Hardware {
    /// The platform that the brief describes.
    pub fn new(brief: &VmmBrief) -> Self {
        let mut drivers = [None; MAX_SHARES];
        let mut passed = [None; MAX_SHARES];
        let places = drivers.iter_mut().zip(&mut passed);
        for ((driver, passed), share) in places.zip(brief.shares()) {
            *driver = brief::channel(share.channel);
            *passed = brief::passed_interrupt(share).map(|channel| Interrupt {
                channel,
                came: false,
            });
        }
        let vcpu = Vcpu::new(0);
        Self {
            orders: Orders::default(),
            list_registers: 0,
            console: Console::new(brief),
            timer: brief::channel(brief.timer_channel),
            update: brief::channel(brief.update_channel),
            drivers,
            passed,
            timer_at: 0,
            fresh: REGISTERS.map(|register| vcpu.arm_read_reg(register).unwrap_or(0)),
            memory: (
                brief.memory.vaddr as usize,
                (brief.images.page_size as usize).max(1 << 12),
            ),
        }
    }

    /// Gives each of several vCPUs its number: MPIDR_EL1 with Aff0, and bit 31, which is 1 (Arm ARM D24.2.100). An only one keeps 0.
    pub fn number_vcpus(&mut self, count: usize) {
        for n in (0..count.min(MAX_VCPUS)).filter(|_| count > 1) {
            let vcpu = Vcpu::new(n).vcpu().upcast();
            let order = Order::new(vcpu, label::ARMVCPUWriteReg, [VMPIDR, 1 << 31 | n as u64]);
            self.orders.put_off(order);
        }
    }

    /// These channels and interrupts have been notified, one bit each.
    pub fn notified(&mut self, channels: sel4::Badge) {
        for passed in self.passed.iter_mut().flatten() {
            passed.came |= channels >> passed.channel.index() & 1 == 1;
        }
    }

    /// The wake-up time has come.
    pub fn timer_expired(&mut self) {
        self.timer_at = 0;
    }
}

impl Platform for Hardware {
    fn inject(
        &mut self,
        vcpu: usize,
        index: u8,
        irq: u16,
        priority: u8,
        group: u8,
    ) -> Result<(), InjectError> {
        let vcpu = Vcpu::new(vcpu);
        if index < self.list_registers {
            // The list register is empty: the model has seen the end of its interrupt.
            let word = u64::from(irq)
                | u64::from(priority) << 16
                | u64::from(group) << 24
                | u64::from(index) << 32;
            let vcpu = vcpu.vcpu().upcast();
            self.orders
                .put_off(Order::new(vcpu, label::ARMVCPUInjectIRQ, [word]));
            return Ok(());
        }
        let injected = vcpu.arm_inject_irq(irq, priority, group, index);
        injected.map_err(|error| match error {
            sel4::Error::RangeError => InjectError::NoSuchRegister,
            _ => InjectError::InUse,
        })?;
        self.list_registers = index + 1;
        Ok(())
    }

    fn acknowledge_vppi(&mut self, vcpu: usize, irq: u16) {
        // The only error is a number that is no private interrupt; the kernel named it itself.
        let _ = Vcpu::new(vcpu).arm_ack_vppi(irq.into());
    }

    fn read_vcpu(&mut self, vcpu: usize, register: VcpuRegister) -> u64 {
        // No register of the list can be refused.
        let value = Vcpu::new(vcpu).arm_read_reg(number(register));
        value.unwrap_or(0)
    }

    fn write_vcpu(&mut self, vcpu: usize, register: VcpuRegister, value: u64) {
        let _ = Vcpu::new(vcpu).arm_write_reg(number(register), value);
    }

    fn reset_vcpu(&mut self, vcpu: usize) {
        let vcpu = Vcpu::new(vcpu);
        for (register, value) in REGISTERS.into_iter().zip(self.fresh) {
            // No register of the list can be refused.
            let _ = vcpu.arm_write_reg(register, value);
        }
    }

    fn hand_over(&mut self, offset: u64, length: u64) {
        let (base, page) = self.memory;
        let mut at = base + offset as usize;
        let end = at + length as usize;
        while at < end {
            // The kernel takes ranges within one page.
            let next = end.min((at + 1).next_multiple_of(page));
            for handover in [Handover::ToUncached, Handover::ToInstructions] {
                // Memory that is always mapped is not refused.
                let _ = handover.perform(&mut Caches, at, next - at);
            }
            at = next;
        }
    }

    fn now(&mut self) -> u64 {
        molt_clock::now().0
    }

    fn set_timer(&mut self, at: u64) {
        let Some(timer) = self.timer else { return };
        // A wake-up that is no longer wanted does no harm, and often the same time is set again.
        if at == 0 || at == self.timer_at {
            return;
        }
        self.timer_at = at;
        set_mr(0, at);
        timer.pp_call(MessageInfo::new(SET_TIMER, 1));
    }

    fn notify_driver(&mut self, n: usize) {
        if let Some(driver) = self.drivers.get(n).copied().flatten() {
            // Without a label and words: a signal.
            let notification = driver.notification().upcast();
            self.orders.put_off(Order::new(notification, 0, []));
        }
    }

    fn take_interrupt(&mut self, n: usize) -> bool {
        let passed = self.passed.get_mut(n).and_then(Option::as_mut);
        passed.is_some_and(|passed| core::mem::take(&mut passed.came))
    }

    fn acknowledge_interrupt(&mut self, n: usize) {
        if let Some(passed) = self.passed.get(n).copied().flatten() {
            // It fails only without the capability, which `update` gives and takes.
            let _ = passed.channel.irq_ack();
        }
    }

    fn notify_update(&mut self) {
        if let Some(update) = self.update {
            update.notify();
        }
    }

    fn notify_serial(&mut self) {
        self.console.notify();
    }
}

const fn number(register: VcpuRegister) -> VCpuReg {
    match register {
        VcpuRegister::Esr => VCpuReg::ESR,
        VcpuRegister::Far => VCpuReg::FAR,
        VcpuRegister::Vbar => VCpuReg::VBAR,
        VcpuRegister::Elr => VCpuReg::ELR_EL1,
        VcpuRegister::Spsr => VCpuReg::SPSR_EL1,
        VcpuRegister::TimerControl => VCpuReg::CNTV_CTL,
        VcpuRegister::TimerCompare => VCpuReg::CNTV_CVAL,
        VcpuRegister::TimerOffset => VCpuReg::CNTVOFF,
    }
}

/// Cache maintenance by invocations on the address space, whose barriers are the kernel's.
struct Caches;

impl Maintenance for Caches {
    type Error = sel4::Error;

    fn step(&mut self, step: Step, start: usize, size: usize) -> Result<(), sel4::Error> {
        let end = start + size;
        match step {
            Step::CleanToUnification | Step::CleanToCoherency => {
                VSPACE.vspace_clean_data(start, end)
            }
            Step::InvalidateToCoherency => VSPACE.vspace_invalidate_data(start, end),
            Step::CleanInvalidateToCoherency => VSPACE.vspace_clean_invalidate_data(start, end),
            Step::InvalidateInstructions => VSPACE.vspace_unify_instruction(start, end),
            Step::DataMemoryBarrier
            | Step::DataSynchronizationBarrier
            | Step::InstructionSynchronizationBarrier => Ok(()),
        }
    }
}
