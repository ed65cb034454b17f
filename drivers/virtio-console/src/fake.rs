// SPDX-License-Identifier: BSD-2-Clause
//! A model of a virtio console behind its registers, written from the specification's device side.

use std::cell::{Ref, RefCell, RefMut};
use std::collections::VecDeque;
use std::rc::Rc;

use molt_shared::{Memory, Mmio, Narrow};
use molt_virtio::registers::*;

/// Where the ring memory is in the fake machine.
pub const RING: u64 = 0x8000_0000;

/// One queue from the device's side.
#[derive(Clone, Copy, Default)]
struct Queue {
    size: u16,
    ready: u32,
    addresses: [u64; 3],
    seen: u16,
    used: u16,
}

/// A buffer that the driver has made available: its head, where it is, and its length.
type Buffer = (u16, usize, usize);

/// The device and its machine.
pub struct State {
    ring: Memory,
    pub id: u32,
    pub offered: u64,
    pub accepted: u64,
    pub status: u32,
    pub isr: u32,
    pub queue_max: u32,
    pub notified: [usize; 2],
    select: [u32; 2],
    queue: usize,
    queues: [Queue; 2],
    /// Buffers for what is received.
    pub empty: VecDeque<Buffer>,
    /// Buffers that are to be sent, and are not yet.
    pub pending: VecDeque<Buffer>,
    /// What was sent.
    pub sent: Vec<u8>,
    /// Buffers are sent as soon as the device is notified of them.
    pub prompt: bool,
}

#[derive(Clone)]
pub struct Fake(Rc<RefCell<State>>);

impl Fake {
    pub fn new(ring: Memory) -> Self {
        Self(Rc::new(RefCell::new(State {
            ring,
            id: 3,
            // And what the driver does not ask for: SIZE, MULTIPORT, EMERG_WRITE, INDIRECT.
            offered: VERSION_1 | EVENT_INDEX | 1 << 28 | 7,
            accepted: 0,
            status: 0,
            isr: 0,
            queue_max: 128,
            notified: [0; 2],
            select: [0; 2],
            queue: 0,
            queues: [Queue::default(); 2],
            empty: VecDeque::new(),
            pending: VecDeque::new(),
            sent: Vec::new(),
            prompt: true,
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

    /// Takes what the driver has made available in queue `n`.
    fn take(&mut self, n: usize) {
        assert_eq!(self.status, 15, "only after DRIVER_OK");
        loop {
            let queue = self.queues[n];
            let available = self.at(queue.addresses[1]);
            if self.ring.load_u16(available + 2).unwrap() == queue.seen {
                break;
            }
            let slot = usize::from(queue.seen % queue.size);
            let head = self.ring.load_u16(available + 4 + 2 * slot).unwrap();
            self.queues[n].seen = queue.seen.wrapping_add(1);
            // Wishes to be told of the next one.
            let event = self.at(queue.addresses[2]) + 4 + 8 * usize::from(queue.size);
            self.ring.store_u16(event, self.queues[n].seen).unwrap();
            let at = self.at(queue.addresses[0] + 16 * u64::from(head));
            let flags = self.ring.load_u16(at + 12).unwrap();
            assert_eq!(flags, if n == 0 { 2 } else { 0 }, "one descriptor");
            let address = self.ring.load_u64(at).unwrap();
            let len = self.ring.load_u32(at + 8).unwrap() as usize;
            let buffer = (head, self.at(address), len);
            match n {
                0 => self.empty.push_back(buffer),
                _ => self.pending.push_back(buffer),
            }
        }
    }

    /// Bytes arrive, as many as fit into the next buffer; returns how many.
    pub fn arrive(&mut self, bytes: &[u8]) -> usize {
        let Some((head, at, len)) = self.empty.pop_front() else {
            return 0;
        };
        let len = len.min(bytes.len());
        self.ring.write(at, &bytes[..len]).unwrap();
        self.push(0, head.into(), len as u32);
        len
    }

    /// Sends the buffer that was taken first.
    pub fn send(&mut self) {
        let (head, at, len) = self.pending.pop_front().expect("a buffer");
        let mut bytes = vec![0; len];
        self.ring.read(at, &mut bytes).unwrap();
        self.sent.extend(bytes);
        self.push(1, head.into(), 0);
    }

    /// An element of queue `n`'s used ring.
    pub fn push(&mut self, n: usize, id: u32, written: u32) {
        let queue = self.queues[n];
        let at = self.at(queue.addresses[2]) + 4 + 8 * usize::from(queue.used % queue.size);
        self.ring.store_u32(at, id).unwrap();
        self.ring.store_u32(at + 4, written).unwrap();
        self.move_used(n, 1);
    }

    /// Moves queue `n`'s used index by `by` without elements.
    pub fn move_used(&mut self, n: usize, by: u16) {
        let queue = &mut self.queues[n];
        queue.used = queue.used.wrapping_add(by);
        let (used, index) = (queue.addresses[2], queue.used);
        let at = self.at(used) + 2;
        self.ring.store_u16(at, index).unwrap();
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
            QUEUE_READY => state.queues[state.queue].ready,
            INTERRUPT_STATUS => state.isr,
            STATUS => state.status,
            _ => panic!("read of {offset:#x}"),
        }
    }

    fn write(&self, offset: usize, value: u32) {
        let mut state = self.set();
        let selected = state.queue;
        match offset {
            DEVICE_FEATURES_SEL => state.select[0] = value,
            DRIVER_FEATURES_SEL => state.select[1] = value,
            DRIVER_FEATURES => {
                let shift = 32 * state.select[1];
                state.accepted &= !(0xffff_ffff << shift);
                state.accepted |= u64::from(value) << shift;
            }
            QUEUE_SEL => state.queue = value as usize,
            QUEUE_NUM => {
                assert!(value.is_power_of_two() && value <= state.queue_max);
                state.queues[selected].size = value as u16;
            }
            QUEUE_READY => state.queues[selected].ready = value,
            QUEUE_NOTIFY => {
                state.notified[value as usize] += 1;
                state.take(value as usize);
                while state.prompt && !state.pending.is_empty() {
                    state.send();
                }
            }
            INTERRUPT_ACK => state.isr &= !value,
            STATUS if value == 0 => {
                (state.status, state.isr) = (0, 0);
                state.queues = [Queue::default(); 2];
                state.empty.clear();
                state.pending.clear();
            }
            STATUS => state.status = value,
            0x080..=0x0a4 => {
                let register = &mut state.queues[selected].addresses[(offset - QUEUE_DESC) / 16];
                let shift = offset % 16 * 8;
                *register &= !(0xffff_ffff << shift);
                *register |= u64::from(value) << shift;
            }
            _ => panic!("write of {offset:#x}"),
        }
    }
}
