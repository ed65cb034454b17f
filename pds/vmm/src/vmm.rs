// SPDX-License-Identifier: BSD-2-Clause
//! The VMM's event loop: exits of the vCPUs and notifications, one at a time.
//!
//! A fault is answered by a reply only if the vCPU continues at once and unchanged. Otherwise the VMM writes the registers of
//! the vCPU's thread and resumes it, at once or later. An only vCPU that waits stays in its fault, with the reply object: it needs
//! no system call to be stopped, and nothing else comes meanwhile that would have to be answered. One of several is suspended
//! while it waits, so that the reply object is free for the others' faults.
//!
//! While the VMM handles one vCPU's exit, the others do not run, since their priority is below its own.

use alloc::boxed::Box;

use molt_clock::{Frequency, Ticks};
use molt_system::VmmBrief;
use molt_vmm::reset::Start;
use molt_vmm::{Exit, MAX_VCPUS, Next, Registers, Vm, boot, machine};
use sel4::sys::invocation_label as label;
use sel4::{Badge, Fault, UserContext, Word, with_ipc_buffer};
use sel4_extra::{Vcpu, try_fault};
use sel4_microkit::Channel;

use crate::brief::{self, UART};
use crate::event::{Event, Order};
use crate::hardware::Hardware;
use crate::registers::{Changed, Lazy};

/// The VMM.
pub struct Vmm {
    vm: Vm<'static>,
    hardware: Hardware,
    vcpus: usize,
    brief: &'static VmmBrief,
    timer: Option<Channel>,
    /// The PC at which a waiting vCPU continues, if it has not been written yet.
    resumes_at: [Option<Word>; MAX_VCPUS],
}

impl Vmm {
    /// Builds the machine.
    pub fn new(brief: &'static VmmBrief) -> Self {
        let vcpus = (brief.guest.vcpus as usize).clamp(1, MAX_VCPUS);
        let (_, to_update) = brief::gate_pages(&brief.gate);
        let mut vm = Vm::new(
            brief::ram(brief),
            vcpus,
            brief::console(brief, UART),
            to_update,
            nanoseconds,
        );
        if let Some(boot) = brief::boot(brief) {
            vm.set_boot(boot);
        }
        if let Some(pause) = brief::pause(brief) {
            vm.set_pause(pause);
        }
        let mut unknown = false;
        for (n, share) in brief.shares().iter().enumerate() {
            let (base, irq) = brief::place(share, n);
            match brief::device(share, &brief.gate, n, brief.guest_kind(), nanoseconds) {
                Some(device) => vm.add(base, irq, device),
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
            hardware: Hardware::new(brief),
            vcpus,
            brief,
            timer: brief::channel(brief.timer_channel),
            resumes_at: [None; MAX_VCPUS],
        };
        vmm.hardware.number_vcpus(vcpus);
        if brief.guest.vcpus as usize > vcpus {
            vmm.log(format_args!("only {vcpus} vCPUs are used"));
        }
        if unknown {
            vmm.log(format_args!("a device of an unknown class is left out"));
        }
        vmm
    }

    /// Starts the guest and handles events; never returns.
    pub fn run(mut self) -> ! {
        self.poll();
        let guest = &self.brief.guest;
        (self.vm).begin(guest.entry, guest.device_tree, &mut self.hardware);
        self.go_on();
        loop {
            match self.hardware.orders.wait() {
                Event::Notified(channels) => self.notified(channels),
                Event::Fault(vcpu, info) => self.fault(vcpu, &info),
                Event::Call => {}
            }
        }
    }

    fn notified(&mut self, channels: Badge) {
        let timer = self.timer.map_or(0, |timer| 1 << timer.index());
        if channels & timer != 0 {
            self.hardware.timer_expired();
            self.vm.timer(&mut self.hardware);
        }
        self.hardware.notified(channels);
        self.poll();
    }

    fn poll(&mut self) {
        self.vm.poll(&mut self.hardware);
        if let Some(ns) = self.vm.paused() {
            let (name, us) = (self.brief.guest.name, ns / 1000);
            self.log(format_args!("{name} stood still for {us} us"));
        }
        for vcpu in self.vm.take_halting() {
            // Its priority is below the VMM's, which has not waited since it saw the reason. So no exit of it is on its way, which
            // would be lost.
            if let Err(error) = Vcpu::new(vcpu).stop() {
                self.log(format_args!("vCPU {vcpu} not stopped: {error:?}"));
            }
        }
        self.go_on();
    }

    /// A vCPU waits until it is told to go on.
    fn hold(&mut self, vcpu: usize) {
        if self.vcpus == 1 {
            self.hardware.orders.hold();
        } else {
            let suspend = order(vcpu, label::TCBSuspend, []);
            self.hardware.orders.put_off(suspend);
        }
    }

    /// The vCPUs that waited, and are to go on, continue or start anew.
    fn go_on(&mut self) {
        for vcpu in self.vm.take_going() {
            self.hardware.orders.release();
            match self.vm.start(vcpu) {
                Some(start) => self.start_at(vcpu, start),
                None => self.resume(vcpu),
            }
        }
    }

    fn start_at(&mut self, vcpu: usize, start: Start) {
        if let Some(place) = self.resumes_at.get_mut(vcpu) {
            *place = None;
        }
        if let Some(took) = start.took {
            let (name, us) = (self.brief.guest.name, nanoseconds(took) / 1000);
            self.log(format_args!("{name} starts anew after {us} us"));
        }
        let registers = boot::entry_registers(start.entry, start.x0);
        let mut context = UserContext::default();
        *context.pc_mut() = registers.pc;
        *context.spsr_mut() = registers.spsr;
        for (n, x) in registers.x.iter().enumerate() {
            *context.gpr_mut(n) = *x;
        }
        // An order that is put off may be the one that has suspended it.
        self.hardware.orders.carry_out_alone();
        if let Err(error) = Vcpu::new(vcpu).write_registers(true, &mut context) {
            self.log(format_args!("vCPU {vcpu} not started: {error:?}"));
        }
    }

    /// Resumes a vCPU.
    fn resume(&mut self, vcpu: usize) {
        let order = match self.resumes_at.get_mut(vcpu).and_then(Option::take) {
            Some(pc) => go_on_at(vcpu, pc),
            None => order(vcpu, label::TCBResume, []),
        };
        self.hardware.orders.put_off(order);
    }

    fn fault(&mut self, vcpu: usize, info: &sel4::MessageInfo) {
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
        if let Err(error) = self.exit(vcpu, exit, pc) {
            self.log(format_args!("vCPU {vcpu} lost at {exit:?}: {error:?}"));
        }
    }

    fn exit(&mut self, vcpu: usize, exit: Exit, pc: Option<Word>) -> sel4::Result<()> {
        let mut registers = Lazy::new(Vcpu::new(vcpu), pc);
        let next = (self.vm).exit(vcpu, exit, &mut registers, &mut self.hardware);
        match (next, registers.changed()?) {
            (Next::Run, Changed::Nothing) => self.hardware.orders.reply(),
            (Next::Run, Changed::Pc(pc)) => {
                let order = go_on_at(vcpu, pc);
                self.hardware.orders.put_off(order);
            }
            (Next::Run, Changed::More) => registers.write(true)?,
            (Next::Wait, changed) => {
                match changed {
                    Changed::Nothing => {}
                    Changed::Pc(pc) => {
                        if let Some(place) = self.resumes_at.get_mut(vcpu) {
                            *place = Some(pc);
                        }
                    }
                    Changed::More => registers.write(false)?,
                }
                self.hold(vcpu);
            }
            (Next::Stop(stop), _) => {
                let name = self.brief.guest.name;
                let pc = registers.pc();
                self.log(format_args!("{name} {} at {pc:#x} ({stop:?})", stop.text()));
                for account in self.vm.accounts() {
                    let line = format_args!("{name} {account}");
                    self.hardware.console.line(self.brief.name, line);
                }
                for vcpu in 0..self.vcpus {
                    Vcpu::new(vcpu).stop()?;
                }
            }
        }
        if self.vcpus > 1 {
            for other in self.vm.take_halting() {
                Vcpu::new(other).stop()?;
            }
            self.go_on();
        }
        Ok(())
    }

    fn log(&mut self, text: core::fmt::Arguments<'_>) {
        self.hardware.console.line(self.brief.name, text);
    }
}

/// `seL4_TCB_WriteRegisters` of the PC alone, with resume.
fn go_on_at(vcpu: usize, pc: Word) -> Order {
    const RESUME: Word = 1;
    order(vcpu, label::TCBWriteRegisters, [RESUME, 1, pc])
}

fn order<const N: usize>(vcpu: usize, label: u32, words: [Word; N]) -> Order {
    Order::of_tcb(Vcpu::new(vcpu).tcb(), label, words)
}

fn nanoseconds(ticks: u64) -> u64 {
    Frequency::of_this_machine().ns(Ticks(ticks))
}
