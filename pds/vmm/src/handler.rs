// SPDX-License-Identifier: BSD-2-Clause
//! The VMM's event loop: exits of the vCPU and notifications, one at a time.
//!
//! Faults are never answered by a reply: the vCPU's thread is resumed, at once or later. So the one reply object serves,
//! however long the vCPU waits.

use molt_clock::{Frequency, Ticks};
use molt_system::VmmBrief;
use molt_vmm::machine::DISKS;
use molt_vmm::{Exit, Next, Registers, Vm, boot};
use sel4::{Fault, UserContext, with_ipc_buffer};
use sel4_extra::{Vcpu, try_fault};
use sel4_microkit::{Channel, ChannelSet, Child, Handler, Infallible, MessageInfo};

use crate::brief;
use crate::hardware::Hardware;

/// The VMM.
pub struct Vmm {
    vm: Vm<'static>,
    hardware: Hardware,
    vcpu: Vcpu,
    brief: &'static VmmBrief,
    timer: Option<Channel>,
    started: bool,
}

impl Vmm {
    /// Builds the machine; the vCPU starts as soon as its disks' drivers are there.
    pub fn new(brief: &'static VmmBrief) -> Self {
        let vcpu = Vcpu::new(0);
        let (_, to_update) = brief::gate_pages(&brief.gate);
        let mut vm = Vm::new(brief::ram(brief), to_update, nanoseconds);
        for block in brief.blocks().iter().take(DISKS) {
            vm.add_disk(brief::disk(block, &brief.gate));
        }
        if let Some(bell) = brief::bell(brief) {
            vm.set_bell(bell);
        }
        let hardware = Hardware::new(brief, vcpu);
        let timer = brief::channel(brief.timer_channel);
        let mut vmm = Self {
            vm,
            hardware,
            vcpu,
            brief,
            timer,
            started: false,
        };
        if brief.guest.vcpus > 1 || brief.blocks().len() > DISKS {
            vmm.log(format_args!(
                "only vCPU 0 and the first {DISKS} disks are used"
            ));
        }
        vmm.poll();
        vmm
    }

    fn poll(&mut self) {
        if !self.vm.poll(&mut self.hardware) {
            return;
        }
        if self.started {
            self.resume();
        } else {
            self.started = true;
            self.start();
        }
    }

    fn start(&mut self) {
        let guest = &self.brief.guest;
        let registers = boot::entry_registers(guest.entry, guest.device_tree);
        let mut context = UserContext::default();
        store(&registers, &mut context);
        if let Err(error) = self.vcpu.write_registers(true, &mut context) {
            self.log(format_args!("vCPU not started: {error:?}"));
        }
    }

    fn resume(&mut self) {
        if let Err(error) = self.vcpu.resume() {
            self.log(format_args!("vCPU not resumed: {error:?}"));
        }
    }

    fn exit(&mut self, exit: Exit) -> sel4::Result<()> {
        // These two come at any instruction and change no register.
        let between = matches!(exit, Exit::Maintenance(_) | Exit::PrivateInterrupt(_));
        let mut context = if between {
            UserContext::default()
        } else {
            self.vcpu.read_registers()?
        };
        let before = load(&context);
        let mut registers = before;
        match self.vm.exit(exit, &mut registers, &mut self.hardware) {
            Next::Run if between => self.vcpu.resume(),
            Next::Stop(stop) => {
                let name = self.brief.guest.name;
                self.log(format_args!(
                    "{name} {} at {:#x} ({stop:?})",
                    stop.text(),
                    before.pc
                ));
                self.vcpu.stop()
            }
            next => {
                store(&registers, &mut context);
                let count = changed(&before, &registers);
                self.vcpu
                    .tcb()
                    .tcb_write_registers(next == Next::Run, count, &mut context)?;
                // Suspended, it leaves the reply object free for its next fault.
                if next == Next::Wait {
                    self.vcpu.stop()
                } else {
                    Ok(())
                }
            }
        }
    }

    fn log(&mut self, text: core::fmt::Arguments<'_>) {
        self.hardware.console.line(self.brief.name, text);
    }
}

impl Handler for Vmm {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        if self.timer.is_some_and(|timer| channels.contains(timer)) {
            self.hardware.timer_expired();
            if self.vm.timer(&mut self.hardware) {
                self.resume();
            }
        }
        self.poll();
        Ok(())
    }

    fn fault(&mut self, _: Child, message: MessageInfo) -> Result<Option<MessageInfo>, Infallible> {
        let fault = with_ipc_buffer(|buffer| try_fault(buffer, message.inner()));
        let exit = match fault {
            Some(Fault::VmFault(fault)) => Exit::Abort {
                address: fault.addr(),
                esr: fault.fsr(),
            },
            Some(Fault::VGicMaintenance(fault)) => {
                Exit::Maintenance(fault.idx().map(|index| index as usize))
            }
            Some(Fault::VCpuFault(fault)) => Exit::Trap(fault.hsr()),
            Some(Fault::VPpiEvent(fault)) => Exit::PrivateInterrupt(fault.irq() as u16),
            Some(Fault::UnknownSyscall(_)) => Exit::Hypercall,
            _ => Exit::Other(message.label()),
        };
        if let Err(error) = self.exit(exit) {
            self.log(format_args!("vCPU lost at {exit:?}: {error:?}"));
        }
        Ok(None)
    }
}

fn nanoseconds(ticks: u64) -> u64 {
    Frequency::of_this_machine().ns(Ticks(ticks))
}

fn load(context: &UserContext) -> Registers {
    let mut registers = Registers {
        pc: *context.pc(),
        spsr: *context.spsr(),
        x: [0; 31],
    };
    for (n, x) in registers.x.iter_mut().enumerate() {
        *x = *context.gpr(n);
    }
    registers
}

fn store(registers: &Registers, context: &mut UserContext) {
    *context.pc_mut() = registers.pc;
    *context.spsr_mut() = registers.spsr;
    for (n, x) in registers.x.iter().enumerate() {
        *context.gpr_mut(n) = *x;
    }
}

/// How many words of the context, from its start, are to be written.
fn changed(before: &Registers, after: &Registers) -> u64 {
    const PC: u64 = 1;
    const ALL: u64 = 36;
    if before.x == after.x && before.spsr == after.spsr {
        PC
    } else {
        ALL
    }
}
