// SPDX-License-Identifier: BSD-2-Clause
//! One virtual machine with one vCPU: its devices, and the handling of exits and events.

use alloc::boxed::Box;
use core::sync::atomic::AtomicU64;

use molt_gate::Statistics;

use crate::bus::{Bus, Counters, Device, World, inside};
use crate::exit::{Exception, Exit, Next, Stop, take_exception};
use crate::gic::{self, Gic};
use crate::machine;
use crate::pl011::Pl011;
use crate::platform::{Platform, VcpuRegister};
use crate::psci;
use crate::ram::Ram;
use crate::registers::Registers;
use crate::reset::{self, Boot, Start, Step};
use crate::syndrome::{Access, SystemRegister, Trap, Width, decode_abort, decode_trap};

/// What the vCPU is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    /// In an access to a device whose driver has not published its properties. The access is repeated.
    Early {
        address: u64,
        width: Width,
    },
    /// In WFI.
    Idle,
    /// In a register write that has not ended (see [`Device::is_busy`]).
    Busy,
    /// Being reset.
    Reset,
    Stopped,
}

/// A virtual machine.
pub struct Vm<'a> {
    ram: Ram,
    gic: Gic,
    bus: Bus<'a>,
    to_update: &'a [AtomicU64],
    state: State,
    /// The virtual timer's interrupt was reported and not acknowledged: the kernel keeps it masked.
    timer_reported: bool,
    /// Counter ticks to nanoseconds.
    nanoseconds: fn(u64) -> u64,
    counters: Counters,
    /// What of it was told to `update`, and the longest latency in nanoseconds.
    told: Counters,
    max_latency_ns: u64,
    /// What the guest is started with at a reset. `None`: a reset ends it.
    boot: Option<Boot<'a>>,
    /// How far its reset has come.
    reset: Option<Step>,
    /// When it was asked for.
    reset_since: u64,
    /// Where the vCPU starts that was told to go on.
    start: Option<Start>,
}

impl<'a> Vm<'a> {
    /// A machine over the guest's memory, with an interrupt controller and a console. `to_update`: the page for the
    /// statistics; `nanoseconds` converts ticks of the counter.
    #[must_use]
    pub fn new(ram: Ram, to_update: &'a [AtomicU64], nanoseconds: fn(u64) -> u64) -> Self {
        let mut vm = Self {
            ram,
            gic: Gic::new(),
            bus: Bus::default(),
            to_update,
            state: State::Running,
            timer_reported: false,
            nanoseconds,
            counters: Counters::default(),
            told: Counters::default(),
            max_latency_ns: 0,
            boot: None,
            reset: None,
            reset_since: 0,
            start: None,
        };
        vm.add(
            machine::UART,
            Some(machine::UART_IRQ),
            Box::new(Pl011::default()),
        );
        vm
    }

    /// Adds a device at guest-physical address `base`, with a level-triggered interrupt (INTID) or none; before the
    /// guest starts.
    pub fn add(&mut self, base: u64, irq: Option<u16>, device: Box<dyn Device + 'a>) {
        self.bus.add(base, irq, device);
    }

    /// Starts the guest anew with this when it asks for a reset.
    pub fn set_boot(&mut self, boot: Boot<'a>) {
        self.boot = Some(boot);
    }

    /// Where the vCPU, which was told to go on, starts anew; `None`: it continues. Asked once.
    pub fn start(&mut self) -> Option<Start> {
        self.start.take()
    }

    /// What the devices have counted, each in a line for people to read.
    pub fn accounts(&mut self) -> impl Iterator<Item = &dyn core::fmt::Display> {
        self.bus.devices().filter_map(|device| {
            let device: &dyn Device = device;
            device.account()
        })
    }

    /// Handles an exit of the vCPU.
    pub fn exit(
        &mut self,
        exit: Exit,
        registers: &mut dyn Registers,
        platform: &mut dyn Platform,
    ) -> Next {
        if self.reset.is_some() {
            return self.exit_of_routine(exit, platform);
        }
        let next = match exit {
            Exit::Abort { address, esr } => self.abort(address, esr, registers, platform),
            Exit::Maintenance(index) => {
                self.ended(index, platform);
                Next::Run
            }
            Exit::Trap(esr) => self.trap(decode_trap(esr), registers, platform),
            Exit::PrivateInterrupt(gic::VIRTUAL_TIMER) => {
                self.timer_reported = true;
                self.gic.raise(gic::VIRTUAL_TIMER);
                Next::Run
            }
            Exit::PrivateInterrupt(irq) => {
                platform.acknowledge_vppi(irq);
                Next::Run
            }
            Exit::Hypercall => {
                let next = self.call(registers, platform);
                // seL4 reports the address of the HVC itself.
                registers.skip();
                next
            }
            Exit::Other(number) => Next::Stop(Stop::Unexpected(number)),
        };
        self.settle(platform);
        self.schedule(next, platform)
    }

    /// Handles everything that may have changed: gates, completions, the doorbell's answer. Returns whether the
    /// waiting vCPU has to continue.
    pub fn poll(&mut self, platform: &mut dyn Platform) -> bool {
        let mut world = World {
            ram: &self.ram,
            platform,
            counters: &mut self.counters,
        };
        for device in self.bus.devices() {
            device.poll(&mut world);
        }
        self.bus.look();
        self.tell(platform);
        self.settle(platform);
        let go = match self.state {
            State::Early { address, width } => {
                let found = self.bus.find(address, width);
                found.is_none_or(|found| found.ready)
            }
            State::Idle => self.gic.wakes(),
            State::Busy => !self.bus.devices().any(|device| device.is_busy()),
            State::Reset => self.reset == Some(Step::Settling) && self.settled(platform),
            State::Running | State::Stopped => false,
        };
        if go {
            self.wake(platform);
        }
        go
    }

    /// The wake-up time has come. Returns whether the vCPU has to continue: a wake-up from WFI without a cause
    /// is always allowed, and its timer's interrupt follows as soon as it runs.
    pub fn timer(&mut self, platform: &mut dyn Platform) -> bool {
        if self.state == State::Reset {
            return self.go_on_with_reset(platform);
        }
        let idle = self.state == State::Idle;
        if idle {
            self.wake(platform);
        }
        idle
    }

    fn wake(&mut self, platform: &mut dyn Platform) {
        if self.state == State::Idle {
            platform.set_timer(0);
        }
        self.state = State::Running;
    }

    fn schedule(&mut self, next: Next, platform: &mut dyn Platform) -> Next {
        match next {
            Next::Run => self.state = State::Running,
            Next::Wait => {}
            Next::Stop(_) => {
                self.state = State::Stopped;
                let mut world = World {
                    ram: &self.ram,
                    platform,
                    counters: &mut self.counters,
                };
                for device in self.bus.devices() {
                    device.end(&mut world);
                }
            }
        }
        next
    }

    /// A stage-2 abort: a device's register, or nothing at all.
    fn abort(
        &mut self,
        address: u64,
        esr: u64,
        registers: &mut dyn Registers,
        platform: &mut dyn Platform,
    ) -> Next {
        const INSTRUCTION_ABORT: u64 = 0x20;
        let access = decode_abort(esr);
        let next = access.and_then(|access| self.access(address, access, registers, platform));
        match next {
            Some(next) => next,
            None => {
                let fetch = esr >> 26 & 0x3f == INSTRUCTION_ABORT;
                take_exception(Exception::ExternalAbort { fetch }, registers, platform);
                Next::Run
            }
        }
    }

    /// Carries the access out and skips its instruction, unless it has to be repeated. `None`: there is no device.
    fn access(
        &mut self,
        address: u64,
        access: Access,
        registers: &mut dyn Registers,
        platform: &mut dyn Platform,
    ) -> Option<Next> {
        let (width, register) = (access.width, access.register);
        if inside(machine::DISTRIBUTOR, gic::SIZE, address, width) {
            let offset = address - machine::DISTRIBUTOR;
            if access.write {
                self.gic.write(offset, width, registers.get(register));
            } else {
                registers.set(register, access.extend(self.gic.read(offset, width)));
            }
            registers.skip();
            return Some(Next::Run);
        }
        let found = self.bus.find(address, width)?;
        if !found.ready {
            self.state = State::Early { address, width };
            return Some(Next::Wait);
        }
        let (device, offset) = (found.device, found.offset);
        registers.skip();
        if !access.write {
            registers.set(register, access.extend(device.read(offset, width)));
            return Some(Next::Run);
        }
        let value = match device.ignores_value(offset) {
            true => u64::MAX,
            false => registers.get(register),
        };
        let mut world = World {
            ram: &self.ram,
            platform,
            counters: &mut self.counters,
        };
        device.write(offset, width, value, &mut world);
        let busy = device.is_busy();
        self.tell(platform);
        if busy {
            self.state = State::Busy;
            return Some(Next::Wait);
        }
        Some(Next::Run)
    }

    /// Writes the statistics, if there is news, and tells `update` of a violation.
    fn tell(&mut self, platform: &mut dyn Platform) {
        let (counters, told) = (self.counters, self.told);
        if counters == told {
            return;
        }
        if counters.max_latency != told.max_latency {
            self.max_latency_ns = (self.nanoseconds)(counters.max_latency);
        }
        self.told = counters;
        let statistics = Statistics {
            requests: counters.requests,
            errors: counters.errors,
            max_latency_ns: self.max_latency_ns,
            bytes_verified: 0,
        };
        statistics.write(self.to_update);
        if counters.violations != told.violations {
            platform.notify_update();
        }
    }

    /// Shows the devices' lines to the interrupt controller and delivers what can be.
    fn settle(&mut self, platform: &mut dyn Platform) {
        for (irq, high) in self.bus.lines() {
            self.gic.set_line(irq, high);
        }
        self.gic.flush(platform);
    }

    fn ended(&mut self, index: Option<usize>, platform: &mut dyn Platform) {
        if index.and_then(|index| self.gic.ended(index)) == Some(gic::VIRTUAL_TIMER)
            && self.timer_reported
        {
            self.timer_reported = false;
            platform.acknowledge_vppi(gic::VIRTUAL_TIMER);
        }
    }

    fn trap(
        &mut self,
        trap: Trap,
        registers: &mut dyn Registers,
        platform: &mut dyn Platform,
    ) -> Next {
        match trap {
            Trap::WaitForInterrupt => {
                registers.skip();
                self.wait(platform)
            }
            Trap::WaitForEvent => {
                registers.skip();
                Next::Run
            }
            Trap::Smc => {
                let next = self.call(registers, platform);
                // An SMC that is trapped has not been executed: the preferred return address is its own (D1.4.2).
                registers.skip();
                next
            }
            // The return address of HVC is the next instruction already.
            Trap::Hvc => self.call(registers, platform),
            Trap::System(register) if is_harmless(register) => {
                if register.read {
                    registers.set(register.register, 0);
                }
                registers.skip();
                Next::Run
            }
            Trap::System(_) | Trap::Other(_) => {
                take_exception(Exception::Undefined, registers, platform);
                Next::Run
            }
        }
    }

    fn call(&mut self, registers: &mut dyn Registers, platform: &mut dyn Platform) -> Next {
        let [x0, x1, x2, x3] = [0, 1, 2, 3].map(|n| registers.get(n));
        match psci::call(&[x0, x1, x2, x3]) {
            psci::Outcome::Return(value) => {
                registers.set(0, value);
                Next::Run
            }
            // Standby may end at once, for any reason (DEN 0022, 5.4).
            psci::Outcome::Suspend => {
                registers.set(0, 0);
                Next::Run
            }
            psci::Outcome::CpuOff => Next::Stop(Stop::CpuOff),
            psci::Outcome::SystemOff => Next::Stop(Stop::Off),
            psci::Outcome::SystemReset if self.boot.is_some() => self.begin_reset(platform),
            psci::Outcome::SystemReset => Next::Stop(Stop::Reset),
        }
    }

    /// SYSTEM_RESET: the vCPU stops, and every device is reset.
    fn begin_reset(&mut self, platform: &mut dyn Platform) -> Next {
        let mut world = World {
            ram: &self.ram,
            platform,
            counters: &mut self.counters,
        };
        for device in self.bus.devices() {
            device.reset(&mut world);
        }
        self.gic.disable();
        self.state = State::Reset;
        self.reset = Some(Step::Settling);
        self.reset_since = platform.now();
        // Where nothing is in flight, nothing else comes by which the reset would go on.
        wake_up_now(platform);
        Next::Wait
    }

    /// The wake-up time has come. Returns whether the vCPU has to start.
    fn go_on_with_reset(&mut self, platform: &mut dyn Platform) -> bool {
        match self.reset {
            Some(Step::Settling) => self.settled(platform),
            Some(Step::Restoring(at)) => self.restored(at, platform),
            Some(Step::Draining) | None => false,
        }
    }

    /// Has the vCPU end its interrupts, if no request is in flight any more. Returns whether it is to start.
    fn settled(&mut self, platform: &mut dyn Platform) -> bool {
        if self.bus.devices().any(|device| device.is_busy()) {
            return false;
        }
        self.reset_vcpu(platform);
        self.start = reset::put_routine(&self.ram, &self.gic.placed(), platform);
        if self.start.is_none() {
            // A memory that is smaller than the routine.
            return self.restored(0, platform);
        }
        (self.reset, self.state) = (Some(Step::Draining), State::Running);
        true
    }

    /// The vCPU is not running, and is to start as it did the first time.
    fn reset_vcpu(&mut self, platform: &mut dyn Platform) {
        platform.reset_vcpu();
        if core::mem::take(&mut self.timer_reported) {
            platform.acknowledge_vppi(gic::VIRTUAL_TIMER);
        }
    }

    /// An exit of the vCPU that ends the interrupts of its old life: one of them, or the end.
    fn exit_of_routine(&mut self, exit: Exit, platform: &mut dyn Platform) -> Next {
        match exit {
            Exit::Maintenance(index) => {
                index.and_then(|index| self.gic.ended(index));
                return Next::Run;
            }
            Exit::PrivateInterrupt(irq) => {
                platform.acknowledge_vppi(irq);
                return Next::Run;
            }
            // The routine's call; or an abort, where the guest has no CPU interface and so no interrupts.
            _ => {}
        }
        self.gic = Gic::new();
        (self.reset, self.state) = (Some(Step::Restoring(0)), State::Reset);
        wake_up_now(platform);
        Next::Wait
    }

    /// Restores the next slice of memory. Returns whether it was the last, and the guest starts.
    fn restored(&mut self, at: u64, platform: &mut dyn Platform) -> bool {
        let Some(boot) = &self.boot else { return false };
        let before = platform.now();
        let next = reset::restore(&self.ram, boot, at, platform);
        if let Some(at) = next {
            self.reset = Some(Step::Restoring(at));
            let now = platform.now();
            let pause = now.saturating_sub(before).saturating_mul(reset::PAUSES);
            platform.set_timer(now.saturating_add(pause.max(1)));
            return false;
        }
        self.start = Some(Start {
            entry: boot.entry,
            x0: boot.device_tree,
            took: Some(platform.now().saturating_sub(self.reset_since)),
        });
        self.reset_vcpu(platform);
        (self.reset, self.state) = (None, State::Running);
        true
    }

    /// WFI: waits for an interrupt or for the virtual timer, unless an interrupt is pending already.
    fn wait(&mut self, platform: &mut dyn Platform) -> Next {
        const ENABLE: u64 = 1;
        const IMASK: u64 = 2;
        if self.gic.wakes() {
            return Next::Run;
        }
        let control = platform.read_vcpu(VcpuRegister::TimerControl);
        let armed = control & (ENABLE | IMASK) == ENABLE;
        // A timer interrupt that was reported waits in the distributor, and one that is not enabled there wakes nobody.
        if armed && !self.timer_reported && self.gic.is_enabled(gic::VIRTUAL_TIMER) {
            let compare = platform.read_vcpu(VcpuRegister::TimerCompare);
            let offset = platform.read_vcpu(VcpuRegister::TimerOffset);
            let at = compare.saturating_add(offset);
            if at <= platform.now() {
                return Next::Run;
            }
            platform.set_timer(at);
        }
        self.state = State::Idle;
        Next::Wait
    }
}

fn wake_up_now(platform: &mut dyn Platform) {
    let now = platform.now();
    platform.set_timer(now.saturating_add(1));
}

/// Registers that read as zero and ignore writes where a hypervisor traps them: debug, performance monitors, ACTLR_EL1,
/// implementation-defined ones, and cache maintenance by set and way (which a guest's memory does not need: it is coherent).
fn is_harmless(register: SystemRegister) -> bool {
    matches!(
        register.encoding,
        (2, ..)
            | (1, 0, 7, 6 | 10 | 14, 2)
            | (3, 0, 1, 0, 1)
            | (3, 0, 9, 14, _)
            | (3, 3, 9, 12..=14, _)
            | (3, 3, 14, 8..=15, _)
            | (3, _, 11 | 15, _, _)
    )
}
