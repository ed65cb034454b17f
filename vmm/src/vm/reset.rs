// SPDX-License-Identifier: BSD-2-Clause
//! How a machine is reset, and how several vCPUs are made ready for the first start: the steps of [`crate::reset`], one after the other.

use super::Vm;
use crate::bus::World;
use crate::exit::{Exit, Next};
use crate::gic::{self, Gic};
use crate::platform::Platform;
use crate::processor::State;
use crate::reset::{self, Start, Step};

impl Vm<'_> {
    /// SYSTEM_RESET: all vCPUs stop, and every device is reset.
    pub(super) fn begin_reset(&mut self, caller: usize, platform: &mut dyn Platform) -> Next {
        let mut world = World {
            ram: &self.ram,
            platform,
            counters: &mut self.counters,
        };
        for device in self.bus.devices() {
            device.reset(&mut world);
        }
        self.gic.disable();
        for vcpu in 0..self.vcpus {
            let was = core::mem::replace(&mut self.processor(vcpu).state, State::Off);
            if was == State::Running && vcpu != caller {
                self.halting.insert(vcpu);
            }
        }
        self.reset = Some(Step::Settling);
        self.reset_since = platform.now();
        // Where nothing is in flight, nothing else comes by which the reset would go on.
        wake_up_now(platform);
        Next::Wait
    }

    /// The wake-up time has come.
    pub(super) fn go_on_with_reset(&mut self, platform: &mut dyn Platform) {
        match self.reset {
            Some(Step::Settling) => self.settled(platform),
            Some(Step::Restoring(at)) => self.restored(at, platform),
            Some(Step::Draining | Step::SwitchingOn(_)) | None => {}
        }
    }

    /// Has the vCPUs end their interrupts, if no request is in flight any more.
    pub(super) fn settled(&mut self, platform: &mut dyn Platform) {
        if self.bus.devices().any(|device| device.is_busy()) {
            return;
        }
        if self.gic.has_interfaces() {
            return self.switch_on(0, platform);
        }
        self.reset_vcpu(0, platform);
        match reset::put_routine(&self.ram, &self.gic.placed(), platform) {
            Some(start) => {
                self.reset = Some(Step::Draining);
                self.launch(0, start);
            }
            // A memory that is smaller than the routine.
            None => self.restored(0, platform),
        }
    }

    /// Has a vCPU switch its hardware's CPU interface on.
    pub(super) fn switch_on(&mut self, vcpu: usize, platform: &mut dyn Platform) {
        self.reset_vcpu(vcpu, platform);
        self.reset = Some(Step::SwitchingOn(vcpu));
        match reset::put_switch_on(&self.ram, platform) {
            Some(start) => self.launch(vcpu, start),
            None => self.switched_on(vcpu, platform),
        }
    }

    /// It has. Goes on with the next one, and after the last with the guest's memory.
    fn switched_on(&mut self, vcpu: usize, platform: &mut dyn Platform) {
        self.processor(vcpu).state = State::Off;
        let next = vcpu + 1;
        if next < self.vcpus {
            return self.switch_on(next, platform);
        }
        match self.first.take() {
            Some((start, bytes)) => {
                let base = self.ram.base();
                // They were read there.
                let _ = self.ram.write(base, &bytes);
                platform.hand_over(0, bytes.len() as u64);
                self.enter(start, platform);
            }
            None => self.restore_next(platform),
        }
    }

    /// The memory is to be restored, from the first slice on.
    fn restore_next(&mut self, platform: &mut dyn Platform) {
        self.reset = Some(Step::Restoring(0));
        wake_up_now(platform);
    }

    /// The guest starts, or starts anew: nothing of an earlier life is left.
    fn enter(&mut self, start: Start, platform: &mut dyn Platform) {
        self.gic = Gic::new(self.vcpus);
        self.reset = None;
        self.pause.begin_life();
        self.reset_vcpu(0, platform);
        self.launch(0, start);
    }

    /// A vCPU is not running, and is to start as it did the first time.
    pub(super) fn reset_vcpu(&mut self, vcpu: usize, platform: &mut dyn Platform) {
        platform.reset_vcpu(vcpu);
        let reported = core::mem::take(&mut self.processor(vcpu).timer_reported);
        // One of several that another has stopped may have been about to report its timer.
        if reported || self.vcpus > 1 {
            platform.acknowledge_vppi(vcpu, gic::VIRTUAL_TIMER);
        }
    }

    /// An exit of a vCPU that executes a routine of the VMM's: the end of an interrupt, or of the routine.
    pub(super) fn exit_of_routine(
        &mut self,
        vcpu: usize,
        exit: Exit,
        platform: &mut dyn Platform,
    ) -> Next {
        match exit {
            Exit::Maintenance(index) => {
                index.and_then(|index| self.gic.ended(index));
                return Next::Run;
            }
            Exit::PrivateInterrupt(irq) => {
                platform.acknowledge_vppi(vcpu, irq);
                return Next::Run;
            }
            // The routine's call; or an abort, where the guest has no CPU interface and so no interrupts.
            _ => {}
        }
        match self.reset {
            Some(Step::SwitchingOn(expected)) if expected == vcpu => {
                self.switched_on(vcpu, platform);
            }
            Some(Step::Draining) => {
                self.processor(vcpu).state = State::Off;
                self.restore_next(platform);
            }
            _ => {}
        }
        Next::Wait
    }

    /// Restores the next slice of memory. After the last, the guest starts.
    fn restored(&mut self, at: u64, platform: &mut dyn Platform) {
        let Some(boot) = &self.boot else { return };
        let before = platform.now();
        let next = reset::restore(&self.ram, boot, at, platform);
        if let Some(at) = next {
            self.reset = Some(Step::Restoring(at));
            let now = platform.now();
            let pause = now.saturating_sub(before).saturating_mul(reset::PAUSES);
            platform.set_timer(now.saturating_add(pause.max(1)));
            return;
        }
        let start = Start {
            entry: boot.entry,
            x0: boot.device_tree,
            took: Some(platform.now().saturating_sub(self.reset_since)),
        };
        self.enter(start, platform);
    }
}

fn wake_up_now(platform: &mut dyn Platform) {
    let now = platform.now();
    platform.set_timer(now.saturating_add(1));
}
