// SPDX-License-Identifier: BSD-2-Clause
//! The device model's platform on seL4: a vCPU, the clock, and the neighbours' channels.

use molt_system::{MAX_SHARES, Name, VmmBrief};
use molt_vmm::{InjectError, Platform, VcpuRegister};
use sel4::VCpuReg;
use sel4::sys::invocation_label as label;
use sel4_extra::Vcpu;
use sel4_microkit::{Channel, MessageInfo, set_mr};

use crate::brief;
use crate::console::{Console, Printable};
use crate::event::{Order, Orders};

/// Label of the timer's only procedure: wake the caller when the counter reaches MR0, or never for 0.
const SET_TIMER: u64 = 1;

/// Everything outside the device model.
pub struct Hardware {
    vcpu: Vcpu,
    /// Orders to the kernel that are put off.
    pub orders: Orders,
    /// List registers below this are known to exist, so that an order to fill one can be put off.
    list_registers: u8,
    /// The console, also for the VMM's own lines.
    pub console: Console,
    guest: Name,
    timer: Option<Channel>,
    update: Option<Channel>,
    drivers: [Option<Channel>; MAX_SHARES],
    /// The wake-up time that was set and has not come yet; 0: none.
    timer_at: u64,
}

impl Hardware {
    /// The platform that the brief describes.
    pub fn new(brief: &VmmBrief, vcpu: Vcpu) -> Self {
        let mut drivers = [None; MAX_SHARES];
        for (driver, share) in drivers.iter_mut().zip(brief.shares()) {
            *driver = brief::channel(share.channel);
        }
        Self {
            vcpu,
            orders: Orders::default(),
            list_registers: 0,
            console: Console::new(brief),
            guest: brief.guest.name,
            timer: brief::channel(brief.timer_channel),
            update: brief::channel(brief.update_channel),
            drivers,
            timer_at: 0,
        }
    }

    /// The wake-up time has come.
    pub fn timer_expired(&mut self) {
        self.timer_at = 0;
    }
}

impl Platform for Hardware {
    fn inject(&mut self, index: u8, irq: u16, priority: u8, group: u8) -> Result<(), InjectError> {
        if index < self.list_registers {
            // The list register is empty: the model has seen the end of its interrupt.
            let word = u64::from(irq)
                | u64::from(priority) << 16
                | u64::from(group) << 24
                | u64::from(index) << 32;
            let vcpu = self.vcpu.vcpu().upcast();
            self.orders
                .put_off(Order::new(vcpu, label::ARMVCPUInjectIRQ, [word]));
            return Ok(());
        }
        let injected = self.vcpu.arm_inject_irq(irq, priority, group, index);
        injected.map_err(|error| match error {
            sel4::Error::RangeError => InjectError::NoSuchRegister,
            _ => InjectError::InUse,
        })?;
        self.list_registers = index + 1;
        Ok(())
    }

    fn acknowledge_vppi(&mut self, irq: u16) {
        // The only error is a number that is no private interrupt; the kernel named it itself.
        let _ = self.vcpu.arm_ack_vppi(irq.into());
    }

    fn read_vcpu(&mut self, register: VcpuRegister) -> u64 {
        // No register of the list can be refused.
        self.vcpu.arm_read_reg(number(register)).unwrap_or(0)
    }

    fn write_vcpu(&mut self, register: VcpuRegister, value: u64) {
        let _ = self.vcpu.arm_write_reg(number(register), value);
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

    fn notify_update(&mut self) {
        if let Some(update) = self.update {
            update.notify();
        }
    }

    fn console_line(&mut self, line: &[u8]) {
        self.console.line(self.guest, Printable(line));
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
