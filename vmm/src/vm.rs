// SPDX-License-Identifier: BSD-2-Clause
//! One virtual machine: its vCPUs and devices, and the handling of exits and events.

mod pause;
mod reset;

use alloc::boxed::Box;
use core::sync::atomic::AtomicU64;

use molt_gate::Statistics;
use molt_terminal::Terminal;

use crate::bus::{Bus, Counters, Device, World, inside};
use crate::exit::{Exception, Exit, Next, Stop, take_exception};
use crate::gic::{self, Gic};
use crate::machine;
use crate::pause::Pause;
use crate::pl011::Pl011;
use crate::platform::{Platform, VcpuRegister};
use crate::processor::{MAX_VCPUS, Processor, State, Vcpus};
use crate::psci;
use crate::ram::Ram;
use crate::registers::Registers;
use crate::reset::{Boot, FirstBytes, NO_BYTES, Start, Step};
use crate::syndrome::{
    Access, SystemRegister, Trap, Width, decode_abort, decode_trap, is_translation_fault,
};

/// A virtual machine.
pub struct Vm<'a> {
    ram: Ram,
    gic: Gic,
    bus: Bus<'a>,
    to_update: &'a [AtomicU64],
    vcpus: usize,
    processors: [Processor; MAX_VCPUS],
    /// Those that are to go on, and those that are to stop, and that nobody was told of yet.
    going: Vcpus,
    halting: Vcpus,
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
    /// The guest's first start is under way: where it starts, and what is in the memory's first bytes.
    first: Option<(Start, FirstBytes)>,
    pause: Pause,
}

impl<'a> Vm<'a> {
    /// A machine over the guest's memory, with so many vCPUs (1 to 4; more are left out), an interrupt controller and a UART, at whose
    /// end `console` is. `to_update`: the page for the statistics; `nanoseconds` converts ticks of the counter.
    #[must_use]
    pub fn new(
        ram: Ram,
        vcpus: usize,
        console: Terminal<'a>,
        to_update: &'a [AtomicU64],
        nanoseconds: fn(u64) -> u64,
    ) -> Self {
        let vcpus = vcpus.clamp(1, MAX_VCPUS);
        let mut vm = Self {
            ram,
            gic: Gic::new(vcpus),
            bus: Bus::default(),
            to_update,
            vcpus,
            processors: [Processor::OFF; MAX_VCPUS],
            going: Vcpus::default(),
            halting: Vcpus::default(),
            nanoseconds,
            counters: Counters::default(),
            told: Counters::default(),
            max_latency_ns: 0,
            boot: None,
            reset: None,
            reset_since: 0,
            first: None,
            pause: Pause::default(),
        };
        vm.add(
            machine::UART,
            Some(machine::UART_IRQ),
            Box::new(Pl011::new(console)),
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

    /// Has the guest stand still while a device with the technique `pause` is away.
    pub fn set_pause(&mut self, pause: Pause) {
        self.pause = pause;
    }

    /// How long the guest stood still, in nanoseconds, if a pause has ended. Asked once.
    pub fn paused(&mut self) -> Option<u64> {
        self.pause.took().map(self.nanoseconds)
    }

    /// Starts the guest for the first time, at this address and with this in X0 of vCPU 0. Its memory has been filled. Those are to
    /// go on then that [`Self::take_going`] names.
    pub fn begin(&mut self, entry: u64, x0: u64, platform: &mut dyn Platform) {
        let start = Start {
            entry,
            x0,
            took: None,
        };
        let mut bytes = NO_BYTES;
        if self.gic.has_interfaces() && self.ram.read(self.ram.base(), &mut bytes).is_some() {
            self.first = Some((start, bytes));
            self.switch_on(0, platform);
        } else {
            self.launch(0, start);
        }
    }

    /// The vCPUs that waited, or were off, and now go on: each continues, or starts anew ([`Self::start`]). Asked after each exit and
    /// event; those of the exit itself are told by [`Next`].
    pub fn take_going(&mut self) -> Vcpus {
        if self.pause.stands() {
            return Vcpus::default();
        }
        core::mem::take(&mut self.going)
    }

    /// The vCPUs that ran, and are to be stopped where they are. Asked after each exit and event, before [`Self::take_going`].
    pub fn take_halting(&mut self) -> Vcpus {
        core::mem::take(&mut self.halting)
    }

    /// Where a vCPU, which was told to go on, starts anew; `None`: it continues. Asked once.
    pub fn start(&mut self, vcpu: usize) -> Option<Start> {
        self.processors.get_mut(vcpu)?.start.take()
    }

    /// What the devices have counted, each in a line for people to read.
    pub fn accounts(&mut self) -> impl Iterator<Item = &dyn core::fmt::Display> {
        self.bus.devices().filter_map(|device| {
            let device: &dyn Device = device;
            device.account()
        })
    }

    /// Handles an exit of a vCPU.
    pub fn exit(
        &mut self,
        vcpu: usize,
        exit: Exit,
        registers: &mut dyn Registers,
        platform: &mut dyn Platform,
    ) -> Next {
        if self.reset.is_some() {
            return self.exit_of_routine(vcpu, exit, platform);
        }
        let next = match exit {
            Exit::Abort { address, esr } => self.abort(vcpu, address, esr, registers, platform),
            Exit::Maintenance(index) => {
                self.maintenance(vcpu, index, platform);
                Next::Run
            }
            Exit::Trap(esr) => self.trap(vcpu, decode_trap(esr), registers, platform),
            Exit::PrivateInterrupt(gic::VIRTUAL_TIMER) => {
                self.processor(vcpu).timer_reported = true;
                self.gic.raise(vcpu, gic::VIRTUAL_TIMER);
                Next::Run
            }
            Exit::PrivateInterrupt(irq) => {
                platform.acknowledge_vppi(vcpu, irq);
                Next::Run
            }
            Exit::Hypercall => {
                let next = self.call(vcpu, registers, platform);
                // seL4 reports the address of the HVC itself.
                registers.skip();
                next
            }
            Exit::Other(number) => Next::Stop(Stop::Unexpected(number)),
        };
        self.settle(platform);
        let next = self.schedule(vcpu, next, platform);
        if self.pause.is_there() {
            self.follow_pause(Some(vcpu), platform);
        }
        match next {
            Next::Run if self.pause.stands() => Next::Wait,
            next => next,
        }
    }

    /// Handles everything that may have changed: gates, completions, the doorbell's answer.
    pub fn poll(&mut self, platform: &mut dyn Platform) {
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
        if self.reset == Some(Step::Settling) {
            self.settled(platform);
        }
        if self.pause.is_there() {
            self.follow_pause(None, platform);
        }
        if self.pause.stands() {
            return;
        }
        for vcpu in 0..self.vcpus {
            let go = match self.processor(vcpu).state {
                State::Early { address, width } => {
                    let found = self.bus.find(address, width);
                    found.is_none_or(|found| found.ready)
                }
                State::Idle => self.gic.wakes(vcpu),
                State::Busy => !self.bus.devices().any(|device| device.is_busy()),
                State::Off | State::Running | State::Stopped => false,
            };
            if go {
                self.wake(vcpu, platform);
            }
        }
    }

    /// The wake-up time has come. A wake-up from WFI without a cause is always allowed, and its timer's interrupt follows as soon as
    /// the vCPU runs.
    pub fn timer(&mut self, platform: &mut dyn Platform) {
        if self.reset.is_some() {
            return self.go_on_with_reset(platform);
        }
        if self.pause.stands() {
            return self.poll(platform);
        }
        let now = platform.now();
        for vcpu in 0..self.vcpus {
            let only = self.vcpus == 1;
            let processor = self.processor(vcpu);
            // Nobody but an only vCPU can have asked for it.
            let due = only || (1..=now).contains(&processor.wake_at);
            if processor.state == State::Idle && due {
                self.wake(vcpu, platform);
            }
        }
        self.set_timer(platform);
    }

    /// A vCPU that exists, or the first one.
    fn processor(&mut self, vcpu: usize) -> &mut Processor {
        let vcpu = if vcpu < self.vcpus { vcpu } else { 0 };
        &mut self.processors[vcpu % MAX_VCPUS]
    }

    fn wake(&mut self, vcpu: usize, platform: &mut dyn Platform) {
        let idle = self.processor(vcpu).state == State::Idle;
        if idle && self.vcpus == 1 {
            platform.set_timer(0);
        }
        self.processor(vcpu).state = State::Running;
        self.going.insert(vcpu);
    }

    /// Asks for the wake-up of the idle vCPU that is due first.
    fn set_timer(&mut self, platform: &mut dyn Platform) {
        let idle = (self.processors.iter()).filter(|processor| processor.state == State::Idle);
        let times = idle
            .map(|processor| processor.wake_at)
            .filter(|at| *at != 0);
        if let Some(at) = times.min() {
            platform.set_timer(at);
        }
    }

    /// A vCPU starts there.
    fn launch(&mut self, vcpu: usize, start: Start) {
        let processor = self.processor(vcpu);
        processor.state = State::Running;
        processor.start = Some(start);
        self.going.insert(vcpu);
    }

    fn schedule(&mut self, vcpu: usize, next: Next, platform: &mut dyn Platform) -> Next {
        match next {
            Next::Run => self.processor(vcpu).state = State::Running,
            Next::Wait => {}
            Next::Stop(_) => {
                for processor in &mut self.processors {
                    processor.state = State::Stopped;
                }
                self.going = Vcpus::default();
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
        vcpu: usize,
        address: u64,
        esr: u64,
        registers: &mut dyn Registers,
        platform: &mut dyn Platform,
    ) -> Next {
        const INSTRUCTION_ABORT: u64 = 0x20;
        let access = decode_abort(esr);
        let next = match access {
            Some(access) => self.access(vcpu, address, access, registers, platform),
            // An access of which the syndrome says nothing can be repeated.
            None if is_translation_fault(esr) => self.passed(vcpu, address),
            None => None,
        };
        match next {
            Some(next) => next,
            None => {
                let fetch = esr >> 26 & 0x3f == INSTRUCTION_ABORT;
                let exception = Exception::ExternalAbort { fetch };
                take_exception(exception, vcpu, registers, platform);
                Next::Run
            }
        }
    }

    /// Carries the access out and skips its instruction, unless it has to be repeated. `None`: there is no device.
    fn access(
        &mut self,
        vcpu: usize,
        address: u64,
        access: Access,
        registers: &mut dyn Registers,
        platform: &mut dyn Platform,
    ) -> Option<Next> {
        let (width, register) = (access.width, access.register);
        if inside(machine::DISTRIBUTOR, gic::SIZE, address, width) {
            let offset = address - machine::DISTRIBUTOR;
            if access.write {
                (self.gic).write(vcpu, offset, width, registers.get(register));
            } else {
                let value = self.gic.read(vcpu, offset, width);
                registers.set(register, access.extend(value));
            }
            registers.skip();
            return Some(Next::Run);
        }
        if self.gic.has_interfaces() && inside(machine::CPU_INTERFACE, gic::SIZE, address, width) {
            let offset = address - machine::CPU_INTERFACE;
            if access.write {
                let value = registers.get(register);
                let ended = self.gic.write_interface(vcpu, offset, width, value);
                self.ended(vcpu, ended, platform);
            } else {
                let value = self.gic.read_interface(vcpu, offset, width);
                registers.set(register, access.extend(value));
            }
            registers.skip();
            return Some(Next::Run);
        }
        let found = self.bus.find(address, width)?;
        if found.passed && !found.device.is_gone() {
            // It would not be mapped for writing either, so that the access would be repeated for ever.
            let forbidden = access.write && found.device.is_read_only();
            return if forbidden {
                None
            } else {
                self.passed(vcpu, address)
            };
        }
        if !found.ready {
            self.processor(vcpu).state = State::Early { address, width };
            return Some(Next::Wait);
        }
        let (device, offset) = (found.device, found.offset);
        registers.skip();
        if !access.write {
            registers.set(register, access.extend(device.read(offset, width)));
            device.after_read(&mut World {
                ram: &self.ram,
                platform,
                counters: &mut self.counters,
            });
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
            self.processor(vcpu).state = State::Busy;
            return Some(Next::Wait);
        }
        Some(Next::Run)
    }

    /// An access to a device that the guest drives itself: it waits until the device is there, and is repeated. `None`: there is no
    /// such device.
    fn passed(&mut self, vcpu: usize, address: u64) -> Option<Next> {
        let width = Width::Byte;
        let found = self.bus.find(address, width)?;
        if !found.passed || found.device.is_gone() {
            return None;
        }
        if found.device.is_ready() {
            return Some(Next::Run);
        }
        found.device.waits();
        self.processor(vcpu).state = State::Early { address, width };
        Some(Next::Wait)
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
        self.gic.set_lines(self.bus.lines());
        self.gic.flush(platform);
        if self.vcpus > 1 {
            // What one vCPU does can wake another.
            for vcpu in 0..self.vcpus {
                if self.processor(vcpu).state == State::Idle && self.gic.wakes(vcpu) {
                    self.wake(vcpu, platform);
                }
            }
        }
    }

    fn maintenance(&mut self, vcpu: usize, index: Option<usize>, platform: &mut dyn Platform) {
        if self.gic.has_interfaces() {
            return self.gic.lost_line(vcpu);
        }
        let ended = index.and_then(|index| self.gic.ended(index));
        self.ended(vcpu, ended, platform);
    }

    /// A vCPU has ended this interrupt.
    fn ended(&mut self, vcpu: usize, irq: Option<u16>, platform: &mut dyn Platform) {
        if irq == Some(gic::VIRTUAL_TIMER)
            && core::mem::take(&mut self.processor(vcpu).timer_reported)
        {
            platform.acknowledge_vppi(vcpu, gic::VIRTUAL_TIMER);
        }
        if let Some(device) = irq.and_then(|irq| self.bus.passed(irq)) {
            device.ended(&mut World {
                ram: &self.ram,
                platform,
                counters: &mut self.counters,
            });
        }
    }

    fn trap(
        &mut self,
        vcpu: usize,
        trap: Trap,
        registers: &mut dyn Registers,
        platform: &mut dyn Platform,
    ) -> Next {
        match trap {
            Trap::WaitForInterrupt => {
                registers.skip();
                self.wait(vcpu, platform)
            }
            Trap::WaitForEvent => {
                registers.skip();
                Next::Run
            }
            Trap::Smc => {
                let next = self.call(vcpu, registers, platform);
                // An SMC that is trapped has not been executed: the preferred return address is its own (D1.4.2).
                registers.skip();
                next
            }
            // The return address of HVC is the next instruction already.
            Trap::Hvc => self.call(vcpu, registers, platform),
            Trap::System(register) if is_harmless(register) => {
                if register.read {
                    registers.set(register.register, 0);
                }
                registers.skip();
                Next::Run
            }
            Trap::System(_) | Trap::Other(_) => {
                take_exception(Exception::Undefined, vcpu, registers, platform);
                Next::Run
            }
        }
    }

    fn call(
        &mut self,
        vcpu: usize,
        registers: &mut dyn Registers,
        platform: &mut dyn Platform,
    ) -> Next {
        let arguments = [0, 1, 2, 3].map(|n| registers.get(n));
        match psci::call(&arguments, self.on()) {
            psci::Outcome::Return(value) => {
                registers.set(0, value);
                Next::Run
            }
            psci::Outcome::Suspend => {
                registers.set(0, 0);
                self.wait(vcpu, platform)
            }
            psci::Outcome::CpuOn {
                vcpu: target,
                entry,
                context,
            } => {
                registers.set(0, self.turn_on(target, entry, context, platform));
                Next::Run
            }
            psci::Outcome::CpuOff => {
                self.processor(vcpu).state = State::Off;
                if self.on().on.is_empty() {
                    return Next::Stop(Stop::CpuOff);
                }
                Next::Wait
            }
            psci::Outcome::SystemOff => Next::Stop(Stop::Off),
            psci::Outcome::SystemReset if self.boot.is_some() => self.begin_reset(vcpu, platform),
            psci::Outcome::SystemReset => Next::Stop(Stop::Reset),
        }
    }

    /// What PSCI says of the vCPUs.
    fn on(&mut self) -> psci::Processors {
        let mut on = Vcpus::default();
        for vcpu in 0..self.vcpus {
            if self.processor(vcpu).state != State::Off {
                on.insert(vcpu);
            }
        }
        psci::Processors {
            count: self.vcpus,
            on,
        }
    }

    /// CPU_ON of a vCPU that is off. Returns the call's result.
    fn turn_on(&mut self, vcpu: usize, entry: u64, x0: u64, platform: &mut dyn Platform) -> u64 {
        const INSTRUCTION: u64 = 4;
        if !entry.is_multiple_of(INSTRUCTION) || self.ram.offset(entry, INSTRUCTION).is_none() {
            return psci::INVALID_ADDRESS;
        }
        self.reset_vcpu(vcpu, platform);
        // All vCPUs have the same time.
        self.set_back(vcpu, self.pause.hidden(), platform);
        self.gic.start(vcpu);
        let start = Start {
            entry,
            x0,
            took: None,
        };
        self.launch(vcpu, start);
        0
    }

    /// WFI: waits for an interrupt or for the virtual timer, unless an interrupt is pending already.
    fn wait(&mut self, vcpu: usize, platform: &mut dyn Platform) -> Next {
        if self.gic.wakes(vcpu) || !self.sleeps(vcpu, platform) {
            return Next::Run;
        }
        self.processor(vcpu).state = State::Idle;
        self.set_timer(platform);
        Next::Wait
    }

    /// Finds out when the virtual timer wakes a vCPU, if it can. Returns whether that time has not come yet.
    fn sleeps(&mut self, vcpu: usize, platform: &mut dyn Platform) -> bool {
        const ENABLE: u64 = 1;
        const IMASK: u64 = 2;
        let control = platform.read_vcpu(vcpu, VcpuRegister::TimerControl);
        let armed = control & (ENABLE | IMASK) == ENABLE;
        let processor = self.processor(vcpu);
        let reported = processor.timer_reported;
        processor.wake_at = 0;
        // A timer interrupt that was reported waits in the distributor, and one that is not enabled there wakes nobody.
        let enabled = self.gic.is_enabled(vcpu, gic::VIRTUAL_TIMER);
        if armed && !reported && enabled {
            let compare = platform.read_vcpu(vcpu, VcpuRegister::TimerCompare);
            let offset = platform.read_vcpu(vcpu, VcpuRegister::TimerOffset);
            let at = compare.saturating_add(offset);
            if at <= platform.now() {
                return false;
            }
            self.processor(vcpu).wake_at = at;
        }
        true
    }
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
