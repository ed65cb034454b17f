// SPDX-License-Identifier: BSD-2-Clause
//! A model of a virtio entropy device behind its registers, written from the specification's device side.

use std::cell::{Ref, RefCell, RefMut};
use std::collections::VecDeque;
use std::rc::Rc;

use molt_shared::{Memory, Mmio, Narrow};
use molt_virtio::registers::*;

/// Where the ring memory is in the fake machine.
pub const RING: u64 = 0x8000_0000;
/// Where the clients' memory is.
pub const RAM: u64 = 0x4000_0000;

/// A request that the device has taken: its head, address and length.
pub type Taken = (u16, u64, u32);

/// The device and its machine.
pub struct State {
    ring: Memory,
    pub ram: Vec<u8>,
    pub id: u32,
    pub offered: u64,
    pub accepted: u64,
    pub status: u32,
    pub isr: u32,
    pub notified: usize,
    pub queue_max: u32,
    select: [u32; 2],
    size: u16,
    pub ready: u32,
    addresses: [u64; 3],
    seen: u16,
    used: u16,
    /// Requests that were taken and are not done.
    pub pending: VecDeque<Taken>,
    /// Requests are done as soon as the device is notified of them.
    pub prompt: bool,
    /// The next random byte.
    pub next: u8,
}

#[derive(Clone)]
pub struct Fake(Rc<RefCell<State>>);

impl Fake {
    pub fn new(ring: Memory) -> Self {
        Self(Rc::new(RefCell::new(State {
            ring,
            ram: vec![0; 0x4000],
            id: 4,
            // And one that the driver does not know: INDIRECT.
            offered: VERSION_1 | EVENT_INDEX | 1 << 28,
            accepted: 0,
            status: 0,
            isr: 0,
            notified: 0,
            queue_max: 8,
            select: [0; 2],
            size: 0,
            ready: 0,
            addresses: [0; 3],
            seen: 0,
            used: 0,
            pending: VecDeque::new(),
            prompt: true,
            next: 1,
        })))
    }

    pub fn get(&self) -> Ref<'_, State> {
        self.0.borrow()
    }

    pub fn set(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }
}

impl State {
    fn at(&self, address: u64) -> usize {
        let offset = address.checked_sub(RING).expect("in the ring memory");
        offset.try_into().unwrap()
    }

    /// Takes everything that the driver has made available.
    pub fn take(&mut self) {
        assert_eq!((self.status, self.ready), (15, 1), "only after DRIVER_OK");
        let available = self.at(self.addresses[1]);
        while self.ring.load_u16(available + 2).unwrap() != self.seen {
            let slot = usize::from(self.seen % self.size);
            let head = self.ring.load_u16(available + 4 + 2 * slot).unwrap();
            self.seen = self.seen.wrapping_add(1);
            // Wishes to be told of the next one.
            let event = self.at(self.addresses[2]) + 4 + 8 * usize::from(self.size);
            self.ring.store_u16(event, self.seen).unwrap();
            assert!(head < self.size);
            let at = self.at(self.addresses[0] + 16 * u64::from(head));
            let flags = self.ring.load_u16(at + 12).unwrap();
            assert_eq!(flags, 2, "one device-writable descriptor (5.4.6.1)");
            let address = self.ring.load_u64(at).unwrap();
            let len = self.ring.load_u32(at + 8).unwrap();
            self.pending.push_back((head, address, len));
        }
    }

    /// Fills at most `most` bytes of the request that was taken first, and completes it.
    pub fn fill(&mut self, most: u32) {
        let (head, address, len) = self.pending.pop_front().expect("a request");
        let len = len.min(most);
        let at = (address - RAM) as usize;
        for byte in &mut self.ram[at..at + len as usize] {
            *byte = self.next;
            self.next = self.next.wrapping_add(1).max(1);
        }
        self.push(head.into(), len);
    }

    /// An element of the used ring.
    pub fn push(&mut self, id: u32, written: u32) {
        let used = self.at(self.addresses[2]);
        let at = used + 4 + 8 * usize::from(self.used % self.size);
        self.ring.store_u32(at, id).unwrap();
        self.ring.store_u32(at + 4, written).unwrap();
        self.move_used(1);
    }

    /// Moves the used index by `by` without elements.
    pub fn move_used(&mut self, by: u16) {
        self.used = self.used.wrapping_add(by);
        let used = self.at(self.addresses[2]);
        self.ring.store_u16(used + 2, self.used).unwrap();
        self.isr |= 1;
    }
}

/// All registers of virtio-mmio have 32 bits.
impl Narrow for Fake {}

impl Mmio for Fake {
    fn read(&self, offset: usize) -> u32 {
        let state = self.set();
        match offset {
            MAGIC_VALUE => MAGIC,
            VERSION => 2,
            DEVICE_ID => state.id,
            DEVICE_FEATURES => (state.offered >> (32 * state.select[0])) as u32,
            QUEUE_NUM_MAX => state.queue_max,
            QUEUE_READY => state.ready,
            INTERRUPT_STATUS => state.isr,
            STATUS => state.status,
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
            QUEUE_SEL => assert_eq!(value, 0, "there is one queue (5.4.2)"),
            QUEUE_NUM => {
                assert!(value.is_power_of_two() && value <= state.queue_max);
                state.size = value as u16;
            }
            QUEUE_READY => state.ready = value,
            QUEUE_NOTIFY => {
                state.notified += 1;
                state.take();
                while state.prompt && !state.pending.is_empty() {
                    state.fill(u32::MAX);
                }
            }
            INTERRUPT_ACK => state.isr &= !value,
            STATUS if value == 0 => {
                (state.status, state.isr, state.ready) = (0, 0, 0);
                (state.seen, state.used) = (0, 0);
                state.pending.clear();
            }
            STATUS => state.status = value,
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
