// SPDX-License-Identifier: BSD-2-Clause
//! A device that the guest accesses itself: one that it drives, whose registers are mapped into the guest and whose interrupt the VMM
//! passes on; or the content of a ROM, which it reads.
//!
//! `update` maps the registers and gives the interrupt when it opens the gate, and takes both when the device is denied. From then
//! on an access is an exit, and the vCPU waits in it until the gate is open again; then it repeats the access. Nothing is asked of
//! this VMM for the denial, and it has no capability to the registers.

use core::fmt;

use molt_gate::{Change, ClientGate};

use crate::bus::{Device, World};
use crate::syndrome::Width;

/// The device, as far as its VMM is concerned.
pub struct Passed<'a> {
    gate: ClientGate<'a>,
    size: u64,
    read_only: bool,
    /// The number by which the platform knows the device.
    number: usize,
    /// `update` has mapped the registers and given the interrupt, and was not seen to take them.
    open: bool,
    /// It was open before.
    served: bool,
    /// The component is out of service: what is not there reads as 0.
    gone: bool,
    /// The interrupt has come, or may have, and the guest has not ended it.
    raised: bool,
    waited: Waited,
}

/// How many accesses were denied and had to wait. Those of a guest that has started before the first generation do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waited(pub u64);

impl fmt::Display for Waited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "denied: {} accesses waited", self.0)
    }
}

impl<'a> Passed<'a> {
    /// A device with so many bytes of registers, whose gate is closed. `number`: what [`crate::Platform::take_interrupt`] is asked.
    #[must_use]
    pub const fn new(gate: ClientGate<'a>, size: u64, number: usize) -> Self {
        Self {
            gate,
            size,
            read_only: false,
            number,
            open: false,
            served: false,
            gone: false,
            raised: false,
            waited: Waited(0),
        }
    }

    /// The guest may only read.
    #[must_use]
    pub const fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    fn follow(&mut self, world: &mut World<'_>) {
        while let Some(change) = self.gate.change() {
            self.open = matches!(change, Change::Open(..));
            self.served |= self.open;
            self.gone = matches!(change, Change::OutOfService(_));
            // An interrupt that came while nobody had it is lost at the kernel: the guest looks at the device once.
            self.raised |= self.open;
            self.gate.acknowledge(change);
            world.platform.notify_update();
        }
    }
}

impl Device for Passed<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&mut self, _offset: u64, _width: Width) -> u64 {
        0
    }

    fn write(&mut self, _offset: u64, _width: Width, _value: u64, _world: &mut World<'_>) {}

    fn interrupt(&self) -> bool {
        self.raised
    }

    fn poll(&mut self, world: &mut World<'_>) {
        self.follow(world);
        self.raised |= world.platform.take_interrupt(self.number);
    }

    fn is_ready(&mut self) -> bool {
        (self.open && self.gate.is_open()) || self.gone
    }

    fn is_passed(&self) -> bool {
        true
    }

    fn is_read_only(&self) -> bool {
        self.read_only
    }

    fn is_gone(&self) -> bool {
        self.gone
    }

    fn waits(&mut self) {
        self.waited.0 += u64::from(self.served);
    }

    fn ended(&mut self, world: &mut World<'_>) {
        self.raised = false;
        // Without the interrupt, which `update` may have taken, there is nothing to acknowledge.
        world.platform.acknowledge_interrupt(self.number);
    }

    fn account(&self) -> Option<&dyn fmt::Display> {
        Some(&self.waited)
    }

    fn reset(&mut self, _world: &mut World<'_>) {
        self.raised = false;
    }
}
