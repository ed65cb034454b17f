// SPDX-License-Identifier: BSD-2-Clause
//! The VMM's event loop: exits of the vCPU and notifications, one at a time.
//!
//! A fault is answered by a reply only if the vCPU continues at once and unchanged. Otherwise the VMM writes the registers of
//! the vCPU's thread and resumes it, at once or later. A vCPU that waits stays in its fault, with the reply object: it needs
//! no system call to be stopped, and nothing else comes meanwhile that would have to be answered.

use alloc::boxed::Box;

use molt_clock::{Frequency, Ticks};
use molt_system::VmmBrief;
use molt_vmm::{Exit, Next, Registers, Vm, boot, machine};
use sel4::sys::invocation_label as label;
use sel4::{Badge, Fault, UserContext, Word, with_ipc_buffer};
use sel4_extra::{Vcpu, try_fault};
use sel4_microkit::Channel;

use crate::brief;
use crate::event::{Event, Order};
use crate::hardware::Hardware;
use crate::registers::{Changed, Lazy};

/// The VMM.
pub struct Vmm {
    vm: Vm<'static>,
    hardware: Hardware,
    vcpu: Vcpu,
    brief: &'static VmmBrief,
    timer: Option<Channel>,
    /// The PC at which the waiting vCPU continues, if it has not been written yet.
    resumes_at: Option<Word>,
}

impl Vmm {
    /// Builds the machine.
    pub fn new(brief: &'static VmmBrief) -> Self {
        let vcpu = Vcpu::new(0);
        let (_, to_update) = brief::gate_pages(&brief.gate);
        let mut vm = Vm::new(brief::ram(brief), to_update, nanoseconds);
        if let Some(boot) = brief::boot(brief) {
            vm.set_boot(boot);
        }
        let mut unknown = false;
        for (n, share) in brief.shares().iter().enumerate() {
            match brief::device(share, &brief.gate, n, brief.guest_kind()) {
                Some(device) => vm.add(machine::virtio(n), Some(machine::virtio_irq(n)), device),
                None => unknown = true,
            }
        }
        let (registers, port) = brief::bells(brief, nanoseconds);
        if let Some(bell) = registers {
            let doorbell = &brief.doorbell;
            vm.add(doorbell.guest, Some(doorbell.irq as u16), Box::new(bell));
        }
        if let Some(console) = port {
            let n = brief.shares().len();
            let irq = Some(machine::virtio_irq(n));
            vm.add(machine::virtio(n), irq, Box::new(console));
        }
        let mut vmm = Self {
            vm,
            hardware: Hardware::new(brief, vcpu),
            vcpu,
            brief,
            timer: brief::channel(brief.timer_channel),
            resumes_at: None,
        };
        if brief.guest.vcpus > 1 {
            vmm.log(format_args!("only vCPU 0 is used"));
        }
        if unknown {
            vmm.log(format_args!("a device of an unknown class is left out"));
        }
        vmm
    }

    /// Starts the vCPU and handles events; never returns.
    pub fn run(mut self) -> ! {
        self.poll();
        let guest = &self.brief.guest;
        self.start(guest.entry, guest.device_tree);
        loop {
            match self.hardware.orders.wait() {
                Event::Notified(channels) => self.notified(channels),
                Event::Fault(info) => self.fault(&info),
                Event::Call => {}
            }
        }
    }

    fn notified(&mut self, channels: Badge) {
        let timer = self.timer.map_or(0, |timer| 1 << timer.index());
        if channels & timer != 0 {
            self.hardware.timer_expired();
            if self.vm.timer(&mut self.hardware) {
                self.go_on();
            }
        }
        self.poll();
    }

    fn poll(&mut self) {
        if self.vm.poll(&mut self.hardware) {
            self.go_on();
        }
    }

    /// The vCPU, which waits, continues or starts anew.
    fn go_on(&mut self) {
        self.hardware.orders.release();
        let Some(start) = self.vm.start() else {
            return self.resume();
        };
        self.resumes_at = None;
        if let Some(took) = start.took {
            let (name, us) = (self.brief.guest.name, nanoseconds(took) / 1000);
            self.log(format_args!("{name} starts anew after {us} us"));
        }
        self.start(start.entry, start.x0);
    }

    fn start(&mut self, entry: u64, x0: u64) {
        let registers = boot::entry_registers(entry, x0);
        let mut context = UserContext::default();
        *context.pc_mut() = registers.pc;
        *context.spsr_mut() = registers.spsr;
        for (n, x) in registers.x.iter().enumerate() {
            *context.gpr_mut(n) = *x;
        }
        if let Err(error) = self.vcpu.write_registers(true, &mut context) {
            self.log(format_args!("vCPU not started: {error:?}"));
        }
    }

    /// Resumes the vCPU.
    fn resume(&mut self) {
        let order = match self.resumes_at.take() {
            Some(pc) => self.go_on_at(pc),
            None => self.order(label::TCBResume, []),
        };
        self.hardware.orders.put_off(order);
    }

    /// `seL4_TCB_WriteRegisters` of the PC alone, with resume.
    fn go_on_at(&self, pc: Word) -> Order {
        const RESUME: Word = 1;
        self.order(label::TCBWriteRegisters, [RESUME, 1, pc])
    }

    fn order<const N: usize>(&self, label: u32, words: [Word; N]) -> Order {
        Order::of_tcb(self.vcpu.tcb(), label, words)
    }

    fn fault(&mut self, info: &sel4::MessageInfo) {
        let (exit, pc) = match with_ipc_buffer(|buffer| try_fault(buffer, info)) {
            Some(Fault::VmFault(fault)) => {
                let (address, esr) = (fault.addr(), fault.fsr());
                (Exit::Abort { address, esr }, Some(fault.ip()))
            }
            Some(Fault::VGicMaintenance(fault)) => {
                let index = fault.idx().map(|index| index as usize);
                (Exit::Maintenance(index), None)
            }
            Some(Fault::VCpuFault(fault)) => (Exit::Trap(fault.hsr()), None),
            Some(Fault::VPpiEvent(fault)) => (Exit::PrivateInterrupt(fault.irq() as u16), None),
            Some(Fault::UnknownSyscall(_)) => (Exit::Hypercall, None),
            _ => (Exit::Other(info.label()), None),
        };
        if let Err(error) = self.exit(exit, pc) {
            self.log(format_args!("vCPU lost at {exit:?}: {error:?}"));
        }
    }

    fn exit(&mut self, exit: Exit, pc: Option<Word>) -> sel4::Result<()> {
        let mut registers = Lazy::new(self.vcpu, pc);
        let next = self.vm.exit(exit, &mut registers, &mut self.hardware);
        match (next, registers.changed()?) {
            (Next::Run, Changed::Nothing) => self.hardware.orders.reply(),
            (Next::Run, Changed::Pc(pc)) => {
                let order = self.go_on_at(pc);
                self.hardware.orders.put_off(order);
            }
            (Next::Run, Changed::More) => registers.write(true)?,
            (Next::Wait, changed) => {
                match changed {
                    Changed::Nothing => {}
                    Changed::Pc(pc) => self.resumes_at = Some(pc),
                    Changed::More => registers.write(false)?,
                }
                self.hardware.orders.hold();
            }
            (Next::Stop(stop), _) => {
                let name = self.brief.guest.name;
                let pc = registers.pc();
                self.log(format_args!("{name} {} at {pc:#x} ({stop:?})", stop.text()));
                for account in self.vm.accounts() {
                    let line = format_args!("{name} {account}");
                    self.hardware.console.line(self.brief.name, line);
                }
                self.vcpu.stop()?;
            }
        }
        Ok(())
    }

    fn log(&mut self, text: core::fmt::Arguments<'_>) {
        self.hardware.console.line(self.brief.name, text);
    }
}

fn nanoseconds(ticks: u64) -> u64 {
    Frequency::of_this_machine().ns(Ticks(ticks))
}
