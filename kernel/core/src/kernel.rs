// SPDX-License-Identifier: BSD-2-Clause
//! The kernel's state, and its entry and exit.

use alloc::vec::Vec;

use crate::{
    context::UserContext,
    error::Error,
    event::{Event, Running},
    fault::Fault,
    hardware::{Hardware, Interrupt, TcbId, VcpuId},
    objects::{
        Endpoint, IrqLines, Notification, Reply, SchedContext, State, TCB_VSPACE, Tcb, Vcpu,
    },
    pool::Pool,
    schedule::Scheduler,
    slots::{SlotRef, Slots},
};

/// Steps of a long operation between two looks at the interrupt controller.
pub(crate) const STEPS_PER_LOOK: u32 = 16;

/// The kernel. One for the machine's one core.
pub struct Kernel<H: Hardware> {
    pub(crate) hw: H,
    pub(crate) slots: Slots,
    pub(crate) tcbs: Pool<Tcb<H>>,
    pub(crate) endpoints: Pool<Endpoint>,
    pub(crate) notifications: Pool<Notification>,
    pub(crate) replies: Pool<Reply>,
    pub(crate) contexts: Pool<SchedContext>,
    pub(crate) vcpus: Pool<Vcpu<H>>,
    pub(crate) scheduler: Scheduler,
    /// The thread that runs, or ran last; `None` is the idle thread.
    pub(crate) current: Option<u32>,
    /// Interrupt lines, and the table of their notification capabilities (by line number).
    pub(crate) irqs: IrqLines,
    pub(crate) irq_table: u32,
    /// Physical addresses of the ASID pools; 0: none.
    pub(crate) asid_pools: [u64; crate::asid::POOLS],
    /// Tables whose object was deleted and whose slots still have to be emptied, each with the
    /// place up to which it is empty.
    pub(crate) doomed: Vec<(u32, u32)>,
    /// Steps since the last look.
    pub(crate) steps: u32,
}

impl<H: Hardware> Kernel<H> {
    /// Handle an entry. The registers of the thread that ran are in its context. Afterwards
    /// [`Kernel::running`] says what has to run next.
    pub fn handle(&mut self, event: Event) {
        self.update_time();
        if let Some(id) = self.current {
            let context = &mut self.tcbs[id].context;
            let back = if event == Event::Syscall { 4 } else { 0 };
            context.pc = context.next_pc.wrapping_sub(back);
        }
        match event {
            Event::Interrupt => self.interrupt(),
            // Out of time: the thread does it again when it has some.
            _ if !self.check_budget() => self.restart_current(),
            Event::Syscall => self.syscall(),
            Event::VmFault {
                address,
                fsr,
                prefetch,
            } => self.fault_current(Fault::Vm {
                address,
                fsr,
                prefetch,
            }),
            Event::UserException { number, code } => {
                self.fault_current(Fault::User { number, code });
            }
            Event::VcpuFault { hsr } => self.fault_current(Fault::Vcpu(hsr)),
        }
        self.leave();
    }

    fn restart_current(&mut self) {
        if let Some(id) = self.current
            && self.tcbs[id].state == State::Running
        {
            self.set_state(id, State::Restart);
        }
    }

    /// Choose what runs and make it ready to.
    pub(crate) fn leave(&mut self) {
        self.schedule();
        self.activate();
    }

    fn interrupt(&mut self) {
        let taken = self.hw.interrupt_take();
        match taken {
            Some(Interrupt::Timer) => {
                self.check_budget();
                self.scheduler.reprogram = true;
            }
            Some(interrupt) => {
                self.check_budget();
                self.dispatch(interrupt);
            }
            None => {
                self.check_budget();
            }
        }
        if let Some(interrupt) = taken {
            self.hw.interrupt_end(interrupt);
        }
    }

    fn dispatch(&mut self, interrupt: Interrupt) {
        match interrupt {
            Interrupt::Device { irq } => self.device_interrupt(irq),
            Interrupt::Vppi { irq } => self.vppi_event(irq),
            Interrupt::VgicMaintenance => self.vgic_maintenance(),
            Interrupt::Timer => {}
        }
    }

    /// A thread in the state that `activate` finds it: a restart goes back to its address.
    fn activate(&mut self) {
        let Some(id) = self.current else {
            self.hw.idle();
            return;
        };
        if self.tcbs[id].yield_to.is_some() {
            self.complete_yield_to(id);
        }
        if self.tcbs[id].state == State::Restart {
            let context = &mut self.tcbs[id].context;
            context.next_pc = context.pc;
            self.set_state(id, State::Running);
        }
    }

    /// What to run; `None`: wait for an interrupt.
    pub fn running(&self) -> Option<Running> {
        let id = self.current?;
        let tcb = &self.tcbs[id];
        let space = self.valid_vspace(self.tcb_slot(id, TCB_VSPACE));
        Some(Running {
            thread: TcbId(id),
            root: space.map(|(root, _)| root),
            asid: space.map_or(0, |(_, asid)| asid),
            vcpu: tcb.vcpu.map(VcpuId),
            fpu_disabled: tcb.flags & 1 != 0,
        })
    }

    /// A thread's registers.
    pub fn context(&self, thread: TcbId) -> Option<&UserContext> {
        self.tcbs.get(thread.0).map(|t| &t.context)
    }

    /// A thread's registers, to save into.
    pub fn context_mut(&mut self, thread: TcbId) -> Option<&mut UserContext> {
        self.tcbs.get_mut(thread.0).map(|t| &mut t.context)
    }

    /// The state that the hardware-dependent part keeps in a thread.
    pub fn thread_state(&mut self, thread: TcbId) -> Option<&mut H::ThreadState> {
        self.tcbs.get_mut(thread.0).map(|t| &mut t.arch)
    }

    /// The state that the hardware-dependent part keeps in a vCPU.
    pub fn vcpu_state(&mut self, vcpu: VcpuId) -> Option<&mut H::VcpuState> {
        self.vcpus.get_mut(vcpu.0).map(|v| &mut v.arch)
    }

    /// The machine.
    pub fn hardware(&mut self) -> &mut H {
        &mut self.hw
    }

    /// The machine and a thread's and a vCPU's state at once, for switches.
    #[expect(clippy::type_complexity, reason = "four separate borrows")]
    pub fn split(
        &mut self,
        thread: Option<TcbId>,
        vcpu: Option<VcpuId>,
    ) -> (
        &mut H,
        Option<(&mut UserContext, &mut H::ThreadState)>,
        Option<&mut H::VcpuState>,
    ) {
        (
            &mut self.hw,
            thread
                .and_then(|t| self.tcbs.get_mut(t.0))
                .map(|t| (&mut t.context, &mut t.arch)),
            vcpu.and_then(|v| self.vcpus.get_mut(v.0))
                .map(|v| &mut v.arch),
        )
    }

    /// A step of a long operation: look at the interrupts every [`STEPS_PER_LOOK`] steps.
    pub(crate) fn step(&mut self) -> Result<(), Error> {
        self.steps += 1;
        if self.steps >= STEPS_PER_LOOK {
            self.steps = 0;
            if self.hw.interrupt_pending() {
                return Err(Error::Preempted);
            }
        }
        Ok(())
    }

    /// A slot of a thread's own table.
    pub(crate) fn tcb_slot(&self, id: u32, index: u32) -> SlotRef {
        SlotRef {
            table: self.tcbs[id].table,
            index,
        }
    }
}
