// SPDX-License-Identifier: BSD-2-Clause
//! Emulated devices and where they are in the guest's address space. The bus knows no device by name.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::gic;
use crate::platform::Platform;
use crate::ram::Ram;
use crate::syndrome::Width;

/// What a device works with in addition to its own state.
pub struct World<'w> {
    /// The guest's memory.
    pub ram: &'w Ram,
    /// The neighbours.
    pub platform: &'w mut dyn Platform,
    /// What all devices together have counted.
    pub counters: &'w mut Counters,
}

/// What a machine's devices count since the start, all together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Counters {
    /// Requests answered towards the guest.
    pub requests: u64,
    /// Requests that failed at the driver.
    pub errors: u64,
    /// Longest time from a request's arrival to its answer, in ticks of the physical counter.
    pub max_latency: u64,
    /// Completions that broke the queue's protocol.
    pub violations: u64,
}

/// An emulated device. Offsets lie inside the device's frame and are multiples of the width.
pub trait Device {
    /// Bytes of its register frame.
    fn size(&self) -> u64;

    /// Reads a register; what is not there reads as 0.
    fn read(&mut self, offset: u64, width: Width) -> u64;

    /// A register was read, for which others may have to be told something.
    fn after_read(&mut self, _world: &mut World<'_>) {}

    /// Whether the effect of a write to this register does not depend on the value. Then [`Self::write`] gets all ones, because
    /// reading the value would cost a system call.
    fn ignores_value(&self, _offset: u64) -> bool {
        false
    }

    /// Writes a register; what is not there ignores it.
    fn write(&mut self, offset: u64, width: Width, value: u64, world: &mut World<'_>);

    /// Level of its interrupt.
    fn interrupt(&self) -> bool {
        false
    }

    /// Handles what comes from outside: its driver's answers, its gate, its mailbox.
    fn poll(&mut self, _world: &mut World<'_>) {}

    /// Whether the guest may access it; asked until it is. A device whose properties come from a driver waits for them.
    fn is_ready(&mut self) -> bool {
        true
    }

    /// Whether the guest's last register write has not ended yet. The vCPU waits in it.
    fn is_busy(&self) -> bool {
        false
    }

    /// Whether the guest accesses the device itself, where it is mapped: an access comes here only if it was denied. It waits until
    /// the device is ready, and is repeated then.
    fn is_passed(&self) -> bool {
        false
    }

    /// Whether the guest may only read a passed device: a write is an abort.
    fn is_read_only(&self) -> bool {
        false
    }

    /// Whether a passed device is gone for good: its accesses come to [`Self::read`] and [`Self::write`].
    fn is_gone(&self) -> bool {
        false
    }

    /// An access to a passed device waits.
    fn waits(&mut self) {}

    /// The guest has ended the interrupt of a passed device.
    fn ended(&mut self, _world: &mut World<'_>) {}

    /// Whether the guest has to stand still, since the device is away (technique `pause`).
    fn pauses(&mut self) -> bool {
        false
    }

    /// What it has counted, in a line for people to read.
    fn account(&self) -> Option<&dyn fmt::Display> {
        None
    }

    /// The guest's run has ended.
    fn end(&mut self, _world: &mut World<'_>) {}

    /// The machine is reset: the device becomes as it was before the guest's first access. While it [is busy](Self::is_busy)
    /// afterwards, requests that it has passed on are still in flight, and the guest's memory is not used for anything else.
    fn reset(&mut self, world: &mut World<'_>);
}

/// A device in its place.
struct Entry<'a> {
    base: u64,
    size: u64,
    /// The bit of its interrupt, or none.
    line: u128,
    ready: bool,
    passed: bool,
    device: Box<dyn Device + 'a>,
}

/// A device that was found at an address.
pub struct Found<'b, 'a> {
    /// It.
    pub device: &'b mut (dyn Device + 'a),
    /// The offset of the address in its frame.
    pub offset: u64,
    /// Whether it could be accessed when [`Bus::look`] was last called.
    pub ready: bool,
    /// Whether the guest accesses it itself ([`Device::is_passed`]).
    pub passed: bool,
}

/// The devices of a guest. They are added before the guest starts; nothing is allocated afterwards.
#[derive(Default)]
pub struct Bus<'a> {
    entries: Vec<Entry<'a>>,
    /// The interrupts of passed devices, a bit for each.
    passed: u128,
}

impl<'a> Bus<'a> {
    /// Adds a device at guest-physical address `base`, with an interrupt (INTID) or none. Of overlapping frames the first wins.
    pub fn add(&mut self, base: u64, irq: Option<u16>, device: Box<dyn Device + 'a>) {
        let line = irq.map_or(0, gic::bit);
        let passed = device.is_passed();
        self.passed |= if passed { line } else { 0 };
        self.entries.push(Entry {
            base,
            size: device.size(),
            line,
            ready: false,
            passed,
            device,
        });
    }

    /// Asks the devices that were not ready whether they are now. One that is passed through can be taken away again.
    pub fn look(&mut self) {
        let asked = |entry: &&mut Entry<'_>| !entry.ready || entry.passed;
        for entry in self.entries.iter_mut().filter(asked) {
            entry.ready = entry.device.is_ready();
        }
    }

    /// The device at `address`; `None` for no device, or an access that is misaligned (Device
    /// memory: Arm ARM B2.11.2) or crosses the frame's end.
    pub fn find(&mut self, address: u64, width: Width) -> Option<Found<'_, 'a>> {
        let entry = self
            .entries
            .iter_mut()
            .find(|entry| inside(entry.base, entry.size, address, width))?;
        Some(Found {
            device: &mut *entry.device,
            offset: address - entry.base,
            ready: entry.ready,
            passed: entry.passed,
        })
    }

    /// The passed device with this interrupt.
    pub fn passed(&mut self, irq: u16) -> Option<&mut (dyn Device + 'a)> {
        let line = gic::bit(irq) & self.passed;
        if line == 0 {
            return None;
        }
        let mut entries = self.entries.iter_mut();
        let found = entries.find(|entry| entry.passed && entry.line == line);
        found.map(|entry| &mut *entry.device)
    }

    /// All devices.
    pub fn devices(&mut self) -> impl Iterator<Item = &mut (dyn Device + 'a)> {
        self.entries.iter_mut().map(|entry| &mut *entry.device)
    }

    /// The levels of the devices' interrupts, a bit for each.
    pub fn lines(&self) -> u128 {
        let high = self.entries.iter().filter(|entry| entry.device.interrupt());
        high.fold(0, |lines, entry| lines | entry.line)
    }
}

/// Whether an aligned access of this width lies inside `size` bytes at `base`.
pub fn inside(base: u64, size: u64, address: u64, width: Width) -> bool {
    let end = address
        .checked_sub(base)
        .and_then(|offset| offset.checked_add(width as u64));
    end.is_some_and(|end| end <= size) && address.is_multiple_of(width as u64)
}
