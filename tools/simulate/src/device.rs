// SPDX-License-Identifier: BSD-2-Clause
//! A device with a virtio-mmio register window: it is at rest when its status reads as 0.

/// Byte offsets (virtio 1.2, 4.2.2).
const MAGIC: usize = 0x000;
const DEVICE_ID: usize = 0x008;
const STATUS: usize = 0x070;

/// What the device runs, by the sequence number of the bundle that it came with, and what it has beside it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Firmware {
    /// What it runs.
    pub runs: u64,
    /// What it has in its other bank; 0: nothing whole.
    pub spare: u64,
    /// What it starts with when its power comes back.
    pub kept: u64,
}

impl Firmware {
    /// It starts anew, with what was in the other bank.
    pub fn activate(&mut self) {
        core::mem::swap(&mut self.runs, &mut self.spare);
    }
}

/// The device.
#[derive(Clone, Copy, Debug, Default)]
pub struct Device {
    /// A driver has started it: it may reach memory.
    pub active: bool,
    /// When it will have stopped, in us, if it has been told to.
    pub stops_at: Option<u64>,
    /// How long it takes to stop, in us; `None`: it never stops.
    pub takes: Option<u64>,
    /// Its firmware, if it runs any.
    pub firmware: Option<Firmware>,
}

impl Device {
    /// Time passes.
    pub fn look(&mut self, now: u64) {
        if self.stops_at.is_some_and(|at| at <= now) {
            self.active = false;
            self.stops_at = None;
        }
    }

    /// A register as it reads.
    pub fn read(&mut self, now: u64, offset: usize) -> u32 {
        self.look(now);
        match offset {
            MAGIC => u32::from_le_bytes(*b"virt"),
            DEVICE_ID => 2,
            STATUS => u32::from(self.active) * 0xf,
            _ => 0,
        }
    }

    /// Writes a register.
    pub fn write(&mut self, now: u64, offset: usize, value: u32) {
        if offset == STATUS {
            if value != 0 {
                self.active = true;
                self.stops_at = None;
            } else if self.active {
                self.stops_at = self.takes.map(|us| now.saturating_add(us));
            }
        }
        self.look(now);
    }
}
