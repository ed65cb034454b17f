// SPDX-License-Identifier: BSD-2-Clause
//! What the VMM keeps of each vCPU.

use crate::reset::Start;
use crate::syndrome::Width;

/// Most vCPUs of a guest.
pub const MAX_VCPUS: usize = 4;

/// Some of a guest's vCPUs, by their numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vcpus(u8);

impl Vcpus {
    /// Adds one.
    pub fn insert(&mut self, vcpu: usize) {
        if vcpu < MAX_VCPUS {
            self.0 |= 1 << vcpu;
        }
    }

    /// Whether it is among them.
    #[must_use]
    pub const fn contains(self, vcpu: usize) -> bool {
        vcpu < MAX_VCPUS && self.0 >> vcpu & 1 == 1
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl Iterator for Vcpus {
    type Item = usize;

    /// Takes the one with the lowest number.
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let lowest = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(lowest)
    }
}

/// What a vCPU is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not started, or turned off: only CPU_ON, or the machine's start, ends it.
    Off,
    Running,
    /// In an access to a device whose driver has not published its properties. The access is repeated.
    Early {
        address: u64,
        width: Width,
    },
    /// In WFI.
    Idle,
    /// In a register write that has not ended (see [`crate::Device::is_busy`]).
    Busy,
    Stopped,
}

/// A vCPU.
#[derive(Clone, Copy, Debug)]
pub struct Processor {
    pub state: State,
    /// The virtual timer's interrupt was reported and not acknowledged: the kernel keeps it masked.
    pub timer_reported: bool,
    /// When the virtual timer ends its WFI, in ticks of the physical counter; 0: never.
    pub wake_at: u64,
    /// Where it starts, if it was told to go on and not only continues.
    pub start: Option<Start>,
}

impl Processor {
    /// A vCPU that was not started.
    pub const OFF: Self = Self {
        state: State::Off,
        timer_reported: false,
        wake_at: 0,
        start: None,
    };
}
