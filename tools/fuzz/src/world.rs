// SPDX-License-Identifier: BSD-2-Clause
//! What stands around a device of a virtual machine.

use std::sync::atomic::AtomicU64;

use molt_shared::Memory;
use molt_vmm::{Counters, InjectError, Platform, Ram, VcpuRegister, World};

/// Words that live for ever.
pub fn words(count: usize) -> &'static [AtomicU64] {
    let words = (0..count).map(|_| AtomicU64::new(0));
    words.collect::<Vec<_>>().leak()
}

/// Clears words, for the next run.
pub fn clear(words: &[AtomicU64]) {
    for word in words {
        word.store(0, std::sync::atomic::Ordering::Relaxed);
    }
}

/// A vCPU that does nothing, and neighbours that hear nothing.
struct Deaf;

impl Platform for Deaf {
    fn inject(&mut self, _: usize, _: u8, _: u16, _: u8, _: u8) -> Result<(), InjectError> {
        Ok(())
    }
    fn acknowledge_vppi(&mut self, _: usize, _: u16) {}
    fn read_vcpu(&mut self, _: usize, _: VcpuRegister) -> u64 {
        0
    }
    fn write_vcpu(&mut self, _: usize, _: VcpuRegister, _: u64) {}
    fn reset_vcpu(&mut self, _: usize) {}
    fn hand_over(&mut self, _: u64, _: u64) {}
    fn now(&mut self) -> u64 {
        0
    }
    fn set_timer(&mut self, _: u64) {}
    fn notify_driver(&mut self, _: usize) {}
    fn take_interrupt(&mut self, _: usize) -> bool {
        false
    }
    fn acknowledge_interrupt(&mut self, _: usize) {}
    fn notify_update(&mut self) {}
    fn notify_serial(&mut self) {}
}

/// Does something in a world whose guest has no memory.
pub fn with_world<T>(what: impl FnOnce(&mut World<'_>) -> T) -> T {
    let ram = Ram::new(Memory::of(&[]), 0x4000_0000);
    what(&mut World {
        ram: &ram,
        platform: &mut Deaf,
        counters: &mut Counters::default(),
    })
}
