// SPDX-License-Identifier: BSD-2-Clause
//! One virtual machine with one vCPU: its devices, and what happens at each exit and each event.

use core::sync::atomic::AtomicU64;

use molt_gate::{Change, ClientGate, Statistics};

use crate::bus::{Bus, Device, Target};
use crate::doorbell::Doorbell;
use crate::exit::{Exception, Exit, Next, Stop, take_exception};
use crate::gic::{self, Gic};
use crate::machine;
use crate::pl011::{self, Pl011};
use crate::platform::{Platform, VcpuRegister};
use crate::psci;
use crate::ram::Ram;
use crate::registers::Registers;
use crate::syndrome::{Access, SystemRegister, Trap, Width, decode_abort, decode_trap};
use crate::virtio::block::Block;
use crate::virtio::mmio;

/// A disk with its gate.
pub struct Disk<'a> {
    /// The device.
    pub block: Block<'a>,
    /// The gate of the component that drives it.
    pub gate: ClientGate<'a>,
}

/// A doorbell and where it is.
pub struct Bell<'a> {
    /// The device.
    pub device: Doorbell<'a>,
    /// Guest-physical address of its registers.
    pub address: u64,
    /// Its interrupt (INTID).
    pub irq: u16,
}

/// What the vCPU is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Waits for its disks' drivers to say what they are.
    NotStarted,
    Running,
    /// In WFI.
    Idle,
    /// In the register write that reset a disk with requests in flight.
    Draining,
    Stopped,
}

/// A virtual machine.
pub struct Vm<'a> {
    ram: Ram,
    gic: Gic,
    uart: Pl011,
    disks: heapless::Vec<Disk<'a>, { machine::DISKS }>,
    bell: Option<Bell<'a>>,
    bus: Bus,
    to_update: &'a [AtomicU64],
    state: State,
    /// The virtual timer's interrupt was reported and not acknowledged: the kernel keeps it masked.
    timer_reported: bool,
    /// Counter ticks to nanoseconds.
    nanoseconds: fn(u64) -> u64,
}

impl<'a> Vm<'a> {
    /// A machine over the guest's memory. `to_update`: the page for the statistics; `nanoseconds` converts ticks of the counter.
    #[must_use]
    pub fn new(ram: Ram, to_update: &'a [AtomicU64], nanoseconds: fn(u64) -> u64) -> Self {
        let mut bus = Bus::default();
        // The first frames of an empty bus always fit.
        let _ = bus.add(machine::DISTRIBUTOR, gic::SIZE, Target::Distributor);
        let _ = bus.add(machine::UART, pl011::SIZE, Target::Uart);
        Self {
            ram,
            gic: Gic::new(),
            uart: Pl011::default(),
            disks: heapless::Vec::new(),
            bell: None,
            bus,
            to_update,
            state: State::NotStarted,
            timer_reported: false,
            nanoseconds,
        }
    }

    /// Adds a disk; more than [`machine::DISKS`] are ignored.
    pub fn add_disk(&mut self, disk: Disk<'a>) {
        let n = self.disks.len();
        if self.disks.push(disk).is_ok() {
            let address = machine::DISK + machine::DISK_FRAME * n as u64;
            let _ = self.bus.add(address, mmio::SIZE, Target::Disk(n));
        }
    }

    /// Adds the doorbell.
    pub fn set_bell(&mut self, bell: Bell<'a>) {
        let _ = self
            .bus
            .add(bell.address, molt_doorbell::regs::SIZE, Target::Doorbell);
        self.bell = Some(bell);
    }

    /// Handles an exit of the vCPU.
    pub fn exit(
        &mut self,
        exit: Exit,
        registers: &mut Registers,
        platform: &mut impl Platform,
    ) -> Next {
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
                let next = self.call(registers);
                // seL4 reports the address of the HVC itself.
                registers.skip();
                next
            }
            Exit::Other(number) => Next::Stop(Stop::Unexpected(number)),
        };
        self.settle(platform);
        self.schedule(next, platform)
    }

    /// Looks at everything that may have changed: gates, completions, the doorbell's answer. Returns whether the
    /// vCPU, which waits, is to go on; the first time that is its start.
    pub fn poll(&mut self, platform: &mut impl Platform) -> bool {
        for n in 0..self.disks.len() {
            self.poll_disk(n, platform);
        }
        if let Some(bell) = &mut self.bell {
            bell.device.refresh();
        }
        self.settle(platform);
        let go = match self.state {
            State::NotStarted => self.disks.iter_mut().all(|disk| {
                let properties = disk.block.client().properties();
                if let Some(properties) = &properties {
                    disk.block.set_properties(properties);
                }
                properties.is_some() || disk.block.client().has_failed()
            }),
            State::Idle => self.gic.wakes(),
            State::Draining => !self.disks.iter().any(|disk| disk.block.is_draining()),
            State::Running | State::Stopped => false,
        };
        if go {
            self.wake(platform);
        }
        go
    }

    /// The time that was asked for has come. Returns whether the vCPU is to go on: a wake-up from WFI without a cause
    /// is always allowed, and its timer's interrupt follows as soon as it runs.
    pub fn timer(&mut self, platform: &mut impl Platform) -> bool {
        let idle = self.state == State::Idle;
        if idle {
            self.wake(platform);
        }
        idle
    }

    fn wake(&mut self, platform: &mut impl Platform) {
        if self.state == State::Idle {
            platform.set_timer(0);
        }
        self.state = State::Running;
    }

    fn schedule(&mut self, next: Next, platform: &mut impl Platform) -> Next {
        match next {
            Next::Run => self.state = State::Running,
            Next::Wait => {}
            Next::Stop(stop) => {
                self.state = State::Stopped;
                let partial = self.uart.partial();
                if !partial.is_empty() {
                    platform.console_line(partial);
                    self.uart.clear_line();
                }
                return Next::Stop(stop);
            }
        }
        next
    }

    /// A stage-2 abort: a device's register, or nothing at all.
    fn abort(
        &mut self,
        address: u64,
        esr: u64,
        registers: &mut Registers,
        platform: &mut impl Platform,
    ) -> Next {
        const INSTRUCTION_ABORT: u64 = 0x20;
        let fetch = esr >> 26 & 0x3f == INSTRUCTION_ABORT;
        let Some(access) = decode_abort(esr) else {
            take_exception(Exception::ExternalAbort { fetch }, registers, platform);
            return Next::Run;
        };
        let Some((target, offset)) = self.bus.find(address, access.width) else {
            take_exception(Exception::ExternalAbort { fetch }, registers, platform);
            return Next::Run;
        };
        let mut next = Next::Run;
        if access.write {
            next = self.write(
                target,
                offset,
                access.width,
                registers.get(access.register),
                platform,
            );
        } else {
            self.load(target, offset, access, registers);
        }
        registers.skip();
        next
    }

    fn load(&mut self, target: Target, offset: u64, access: Access, registers: &mut Registers) {
        let raw = match target {
            Target::Distributor => self.gic.read(offset, access.width),
            Target::Uart => self.uart.read(offset, access.width),
            Target::Disk(n) => self
                .disks
                .get(n)
                .map_or(0, |disk| disk.block.read(offset, access.width)),
            Target::Doorbell => self
                .bell
                .as_ref()
                .map_or(0, |bell| bell.device.read(offset, access.width)),
        };
        registers.set(access.register, access.extend(raw));
    }

    fn write(
        &mut self,
        target: Target,
        offset: u64,
        width: Width,
        value: u64,
        platform: &mut impl Platform,
    ) -> Next {
        match target {
            Target::Distributor => self.gic.write(offset, width, value),
            Target::Uart => {
                self.uart.write(offset, width, value);
                if let Some(line) = self.uart.line() {
                    platform.console_line(line);
                    self.uart.clear_line();
                }
            }
            Target::Disk(n) => return self.write_disk(n, offset, width, value, platform),
            Target::Doorbell => {
                let notify = self
                    .bell
                    .as_mut()
                    .is_some_and(|bell| bell.device.write(offset, width, value));
                if notify {
                    platform.notify_update();
                }
            }
        }
        Next::Run
    }

    fn write_disk(
        &mut self,
        n: usize,
        offset: u64,
        width: Width,
        value: u64,
        platform: &mut impl Platform,
    ) -> Next {
        let now = platform.now();
        let Some(disk) = self.disks.get_mut(n) else {
            return Next::Run;
        };
        if disk.block.write(offset, width, value, &self.ram, now) {
            self.poll_disk(n, platform);
        }
        if self
            .disks
            .get(n)
            .is_some_and(|disk| disk.block.is_draining())
        {
            self.state = State::Draining;
            return Next::Wait;
        }
        Next::Run
    }

    /// Follows the gate, takes completions, serves the guest's queue: the one place where the queue is touched.
    fn poll_disk(&mut self, n: usize, platform: &mut impl Platform) {
        let now = platform.now();
        let Some(disk) = self.disks.get_mut(n) else {
            return;
        };
        // What the old generation completed before it was stopped is taken now: the region is still there until the
        // change is acknowledged.
        let mut broken = disk.block.complete(&self.ram, now).is_err();
        while let Some(change) = disk.gate.change() {
            match change {
                Change::Close(_) => disk.block.client().close(),
                Change::OutOfService(_) => disk.block.client().fail(),
                Change::Open(_, generation) => {
                    disk.block.client().resume(generation);
                    platform.notify_driver(n);
                }
            }
            disk.gate.acknowledge(change);
            platform.notify_update();
        }
        if disk.gate.is_open() || disk.block.client().has_failed() {
            broken |= disk.block.complete(&self.ram, now).is_err();
            if disk.block.serve(&self.ram, now) {
                platform.notify_driver(n);
            }
        }
        self.count();
        if broken {
            platform.notify_update();
        }
    }

    fn count(&self) {
        let mut statistics = Statistics::default();
        for disk in &self.disks {
            let counters = disk.block.counters();
            statistics.requests += counters.requests;
            statistics.errors += counters.errors;
            statistics.violations += counters.violations;
            statistics.owed += disk.block.owed() as u64;
            let latency = (self.nanoseconds)(counters.max_latency);
            statistics.max_latency_ns = statistics.max_latency_ns.max(latency);
        }
        statistics.write(self.to_update);
    }

    /// Shows the devices' lines to the interrupt controller and delivers what can be.
    fn settle(&mut self, platform: &mut impl Platform) {
        self.gic.set_line(machine::UART_IRQ, self.uart.interrupt());
        for (irq, disk) in (machine::DISK_IRQ..).zip(&self.disks) {
            self.gic.set_line(irq, disk.block.interrupt());
        }
        if let Some(bell) = &self.bell {
            self.gic.set_line(bell.irq, bell.device.interrupt());
        }
        self.gic.flush(platform);
    }

    fn ended(&mut self, index: Option<usize>, platform: &mut impl Platform) {
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
        registers: &mut Registers,
        platform: &mut impl Platform,
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
                let next = self.call(registers);
                // An SMC that is trapped has not been executed: the preferred return address is its own (D1.4.2).
                registers.skip();
                next
            }
            // The return address of HVC is the next instruction already.
            Trap::Hvc => self.call(registers),
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

    fn call(&mut self, registers: &mut Registers) -> Next {
        let [x0, x1, x2, x3, ..] = registers.x;
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
            psci::Outcome::SystemReset => Next::Stop(Stop::Reset),
        }
    }

    /// WFI: waits unless something is there already, until an interrupt or the time of the virtual timer.
    fn wait(&mut self, platform: &mut impl Platform) -> Next {
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
