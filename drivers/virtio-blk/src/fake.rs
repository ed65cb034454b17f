// SPDX-License-Identifier: BSD-2-Clause
//! A model of a virtio-blk device behind its registers, written from the specification's device side.

use std::cell::{Ref, RefCell, RefMut};
use std::collections::VecDeque;
use std::rc::Rc;

use molt_shared::{Memory, Mmio, Narrow};
use molt_virtio::registers::*;

use crate::registers::Features;

/// Where the ring memory is in the fake machine.
pub const RING: u64 = 0x8000_0000;
/// Where its RAM is.
pub const RAM: u64 = 0x4000_0000;

/// A request as the device found it.
#[derive(Clone, Debug)]
pub struct Found {
    pub head: u16,
    pub kind: u32,
    pub sector: u64,
    /// Address, length, device-writable; without header and status.
    pub data: Vec<(u64, u32, bool)>,
    status: u64,
}

/// The device and its machine.
pub struct State {
    pub ring: Memory,
    pub ram: Vec<u8>,
    pub disk: Vec<u8>,
    pub magic: u32,
    pub version: u32,
    pub id: u32,
    pub offered: u64,
    pub accepts: bool,
    pub resets: bool,
    pub seg_max: u32,
    pub queue_max: u32,
    pub accepted: u64,
    pub status: u32,
    pub isr: u32,
    pub notifications: usize,
    pub config_changes: u32,
    /// Requests are done when the device is told of them.
    pub at_once: bool,
    queue_size: u16,
    ready: u32,
    select: [u32; 2],
    addresses: [u64; 3],
    seen: u16,
    used: u16,
    /// Taken from the ring, not done.
    pub pending: VecDeque<Found>,
}

#[derive(Clone)]
pub struct Fake(Rc<RefCell<State>>);

impl Fake {
    pub fn new(ring: Memory) -> Self {
        let all = Features::all().difference(Features::RO | Features::SIZE_MAX);
        Self(Rc::new(RefCell::new(State {
            ring,
            ram: vec![0; 0x10000],
            disk: vec![0; 512 * 1024],
            magic: MAGIC,
            version: 2,
            id: 2,
            // And two that the driver does not know: MQ, EVENT_IDX.
            offered: all.bits() | 1 << 12 | 1 << 29,
            accepts: true,
            resets: true,
            seg_max: 126,
            queue_max: 1024,
            accepted: 0,
            status: 0,
            isr: 0,
            notifications: 0,
            config_changes: 0,
            at_once: false,
            queue_size: 0,
            ready: 0,
            select: [0; 2],
            addresses: [0; 3],
            seen: 0,
            used: 0,
            pending: VecDeque::new(),
        })))
    }

    pub fn get(&self) -> Ref<'_, State> {
        self.0.borrow()
    }

    pub fn set(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    /// Does the `n`th pending request as a real disk would.
    pub fn finish(&self, n: usize) {
        let mut state = self.set();
        let found = state.pending.remove(n).unwrap();
        let status = state.execute(&found);
        state.done(&found, status);
    }

    pub fn finish_all(&self) {
        while !self.get().pending.is_empty() {
            self.finish(0);
        }
    }

    /// Answers the `n`th pending request with this status byte, and does nothing.
    pub fn answer(&self, n: usize, status: u8) {
        let mut state = self.set();
        let found = state.pending.remove(n).unwrap();
        state.done(&found, status);
    }
}

impl State {
    fn at(&self, address: u64) -> usize {
        let offset = address.checked_sub(RING).expect("in the ring memory");
        offset.try_into().unwrap()
    }

    fn descriptor(&self, table: u64, index: u16) -> (u64, u32, u16, u16) {
        let at = self.at(table + 16 * u64::from(index));
        (
            self.ring.load_u64(at).unwrap(),
            self.ring.load_u32(at + 8).unwrap(),
            self.ring.load_u16(at + 12).unwrap(),
            self.ring.load_u16(at + 14).unwrap(),
        )
    }

    /// Takes what is new in the available ring.
    fn collect(&mut self) {
        assert_eq!(self.status, 15, "only after DRIVER_OK");
        let index = self.ring.load_u16(self.at(self.addresses[1] + 2)).unwrap();
        while self.seen != index {
            let entry = u64::from(self.seen % self.queue_size);
            let head = self
                .ring
                .load_u16(self.at(self.addresses[1] + 4 + 2 * entry));
            let head = head.unwrap();
            assert!(head < self.queue_size);
            let (mut table, mut next) = (self.addresses[0], head);
            let first = self.descriptor(table, head);
            if first.2 & 4 != 0 {
                assert!(self.accepted & Features::INDIRECT.bits() != 0);
                assert_eq!(first.2, 4);
                (table, next) = (first.0, 0);
            }
            let mut chain = Vec::new();
            loop {
                let (address, length, flags, following) = self.descriptor(table, next);
                chain.push((address, length, flags & 2 != 0));
                if flags & 1 == 0 {
                    break;
                }
                next = following;
                assert!(chain.len() <= 18);
            }
            let (header, header_len, _) = chain.remove(0);
            let (status, status_len, writable) = chain.pop().unwrap();
            assert_eq!((header_len, status_len, writable), (16, 1, true));
            let at = self.at(header);
            let found = Found {
                head,
                kind: self.ring.load_u32(at).unwrap(),
                sector: self.ring.load_u64(at + 8).unwrap(),
                data: chain,
                status,
            };
            self.pending.push_back(found);
            self.seen = self.seen.wrapping_add(1);
        }
    }

    fn execute(&mut self, found: &Found) -> u8 {
        let mut at = found.sector as usize * 512;
        match found.kind {
            0 | 1 => {
                for (address, length, writable) in &found.data {
                    assert_eq!(*writable, found.kind == 0);
                    let length = *length as usize;
                    let ram = (address - RAM) as usize;
                    if found.kind == 0 {
                        self.ram[ram..][..length].copy_from_slice(&self.disk[at..][..length]);
                    } else {
                        self.disk[at..][..length].copy_from_slice(&self.ram[ram..][..length]);
                    }
                    at += length;
                }
            }
            4 => assert!(found.data.is_empty()),
            11 | 13 => {
                assert_eq!((found.sector, found.data.len()), (0, 1));
                let (address, length, writable) = found.data[0];
                assert_eq!((length, writable), (16, false));
                let range = self.at(address);
                let sector = self.ring.load_u64(range).unwrap() as usize;
                let sectors = self.ring.load_u32(range + 8).unwrap() as usize;
                assert_eq!(self.ring.load_u32(range + 12), Some(0), "no flags");
                self.disk[sector * 512..][..sectors * 512].fill(0);
            }
            kind => panic!("request type {kind}"),
        }
        0
    }

    fn done(&mut self, found: &Found, status: u8) {
        self.ring.store_u8(self.at(found.status), status).unwrap();
        self.push_used(found.head.into());
    }

    /// A used element, whatever it says.
    pub fn push_used(&mut self, id: u32) {
        let entry = u64::from(self.used % self.queue_size);
        let at = self.at(self.addresses[2] + 4 + 8 * entry);
        self.ring.store_u32(at, id).unwrap();
        self.ring.store_u32(at + 4, 1).unwrap();
        self.used = self.used.wrapping_add(1);
        self.move_used(0);
    }

    /// Moves the used index by `by` without elements.
    pub fn move_used(&mut self, by: u16) {
        self.used = self.used.wrapping_add(by);
        let at = self.at(self.addresses[2] + 2);
        self.ring.store_u16(at, self.used).unwrap();
        // The driver's wish for none (2.7.7.2).
        let flags = self.ring.load_u16(self.at(self.addresses[1])).unwrap();
        if flags & 1 == 0 {
            self.isr |= 1;
        }
    }

    fn config(&self, offset: usize) -> u32 {
        match offset {
            0x00 => (self.disk.len() / 512) as u32,
            0x0c => self.seg_max,
            0x14 => 512,
            0x24 => 1000,
            0x30 => 500,
            _ => 0,
        }
    }
}

/// All registers of virtio-mmio have 32 bits.
impl Narrow for Fake {}

impl Mmio for Fake {
    fn read(&self, offset: usize) -> u32 {
        let mut state = self.set();
        match offset {
            MAGIC_VALUE => state.magic,
            VERSION => state.version,
            DEVICE_ID => state.id,
            DEVICE_FEATURES => (state.offered >> (32 * state.select[0])) as u32,
            QUEUE_NUM_MAX => state.queue_max,
            QUEUE_READY => state.ready,
            INTERRUPT_STATUS => state.isr,
            STATUS => state.status,
            CONFIG_GENERATION => {
                let changed = state.config_changes.min(1);
                state.config_changes -= changed;
                state.config_changes
            }
            CONFIG.. => state.config(offset - CONFIG),
            _ => panic!("read of {offset:#x}"),
        }
    }

    fn write(&self, offset: usize, value: u32) {
        let mut state = self.set();
        match offset {
            DEVICE_FEATURES_SEL => state.select[0] = value,
            DRIVER_FEATURES_SEL => state.select[1] = value,
            DRIVER_FEATURES => {
                let shift = 32 * state.select[1];
                state.accepted &= !(0xffff_ffff << shift);
                state.accepted |= u64::from(value) << shift;
            }
            QUEUE_SEL => assert_eq!(value, 0),
            QUEUE_NUM => {
                assert!(value.is_power_of_two() && value <= state.queue_max);
                state.queue_size = value as u16;
            }
            QUEUE_READY => {
                let [descriptors, driver, device] = state.addresses;
                assert!(descriptors % 16 == 0 && driver % 2 == 0 && device % 4 == 0);
                state.ready = value;
            }
            QUEUE_NOTIFY => {
                state.notifications += 1;
                state.collect();
                while state.at_once
                    && let Some(found) = state.pending.pop_front()
                {
                    let status = state.execute(&found);
                    state.done(&found, status);
                }
            }
            INTERRUPT_ACK => state.isr &= !value,
            STATUS if value == 0 => {
                if state.resets {
                    (state.status, state.isr, state.ready) = (0, 0, 0);
                    (state.seen, state.used) = (0, 0);
                    state.pending.clear();
                }
            }
            STATUS => {
                let refused = if state.accepts {
                    0
                } else {
                    status::FEATURES_OK
                };
                state.status = value & !refused;
            }
            0x080..=0x0a4 => {
                let register = &mut state.addresses[(offset - QUEUE_DESC) / 16];
                let shift = offset % 16 * 8;
                *register &= !(0xffff_ffff << shift);
                *register |= u64::from(value) << shift;
            }
            _ => panic!("write of {offset:#x}"),
        }
    }
}
