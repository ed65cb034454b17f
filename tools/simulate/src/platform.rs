// SPDX-License-Identifier: BSD-2-Clause
//! What the VMM's device model runs on in a simulated world: one vCPU, the world's clock, and the neighbours.

use molt_vmm::{InjectError, Platform, VcpuRegister};

use crate::mutant::Mutant;
use crate::plan;
use crate::world::{Actor, World};

/// What of a vCPU the device model reads and writes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vcpu {
    /// CNTVOFF_EL2, in us.
    offset: u64,
    /// The wake-up that was asked for.
    pub timer: Option<u64>,
}

impl Vcpu {
    /// The virtual counter, in us.
    pub const fn clock(&self, now: u64) -> u64 {
        now.wrapping_sub(self.offset)
    }
}

/// The VMM's view of the world.
pub struct Neighbours<'w> {
    world: &'w mut World,
    pub vcpu: &'w mut Vcpu,
}

impl<'w> Neighbours<'w> {
    pub const fn new(world: &'w mut World, vcpu: &'w mut Vcpu) -> Self {
        Self { world, vcpu }
    }
}

impl Platform for Neighbours<'_> {
    // The guest enables no interrupt: it looks.
    fn inject(&mut self, _: usize, _: u8, _: u16, _: u8, _: u8) -> Result<(), InjectError> {
        Err(InjectError::NoSuchRegister)
    }

    fn acknowledge_vppi(&mut self, _: usize, _: u16) {}

    fn read_vcpu(&mut self, _: usize, register: VcpuRegister) -> u64 {
        match register {
            VcpuRegister::TimerOffset => self.vcpu.offset,
            _ => 0,
        }
    }

    fn write_vcpu(&mut self, _: usize, register: VcpuRegister, value: u64) {
        let shows = self.world.mutant == Some(Mutant::ShowsPause);
        if register == VcpuRegister::TimerOffset && !shows {
            self.vcpu.offset = value;
        }
    }

    fn reset_vcpu(&mut self, _: usize) {}
    fn hand_over(&mut self, _: u64, _: u64) {}

    fn now(&mut self) -> u64 {
        self.world.now
    }

    fn set_timer(&mut self, at: u64) {
        self.vcpu.timer = (at != 0).then_some(at);
        if at != 0 {
            self.world.timers.push((at, Actor::Client(plan::GUEST)));
        }
    }

    fn notify_driver(&mut self, _: usize) {
        self.world.signal(Actor::Driver(0));
    }

    fn take_interrupt(&mut self, _: usize) -> bool {
        false
    }

    fn acknowledge_interrupt(&mut self, _: usize) {}

    fn notify_update(&mut self) {
        self.world.signal(Actor::Update);
    }

    fn notify_serial(&mut self) {}
}
