// SPDX-License-Identifier: BSD-2-Clause
//! How a machine stands still while a device is away, and what its vCPUs' clocks show of it ([`crate::pause`]).

use super::Vm;
use crate::pause::Change;
use crate::platform::{Platform, VcpuRegister};
use crate::processor::State;

impl Vm<'_> {
    /// Follows what the devices want of the guest. `exiting`: the vCPU in whose exit this is asked.
    pub(super) fn follow_pause(&mut self, exiting: Option<usize>, platform: &mut dyn Platform) {
        // A guest that is being reset, or has ended, does not run anyway.
        let runs = self.reset.is_none() && !self.has_ended();
        let wanted = runs && self.bus.devices().any(|device| device.pauses());
        match self.pause.follow(wanted, platform.now()) {
            Change::Nothing => {}
            Change::Stop(limit) => {
                for vcpu in 0..self.vcpus {
                    // One that is to go on and was not told so does not run.
                    let runs = self.processor(vcpu).state == State::Running;
                    if runs && !self.going.contains(vcpu) && exiting != Some(vcpu) {
                        self.halting.insert(vcpu);
                    }
                }
                platform.set_timer(limit);
            }
            Change::Continue(hidden) => {
                for vcpu in 0..self.vcpus {
                    self.set_back(vcpu, hidden, platform);
                    let state = self.processor(vcpu).state;
                    if state == State::Running
                        || state == State::Idle && !self.sleeps(vcpu, platform)
                    {
                        self.wake(vcpu, platform);
                    }
                }
                self.set_timer(platform);
            }
        }
    }

    fn has_ended(&mut self) -> bool {
        self.processor(0).state == State::Stopped
    }

    /// Sets a vCPU's counter back by so many ticks.
    pub(super) fn set_back(&mut self, vcpu: usize, ticks: u64, platform: &mut dyn Platform) {
        if ticks > 0 {
            let offset = platform.read_vcpu(vcpu, VcpuRegister::TimerOffset);
            let offset = offset.wrapping_add(ticks);
            platform.write_vcpu(vcpu, VcpuRegister::TimerOffset, offset);
        }
    }
}
