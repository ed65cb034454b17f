// SPDX-License-Identifier: BSD-2-Clause
//! A model of a virtio-net device behind its registers, written from the specification's device side.

use std::cell::{Ref, RefCell, RefMut};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::atomic::AtomicU64;

use molt_shared::{Memory, Mmio, Narrow};
use molt_virtio::registers::*;

use crate::features::Features;

/// Where the ring memory is in the fake machine.
pub const RING: u64 = 0x8000_0000;
/// Where its RAM is.
pub const RAM: u64 = 0x4000_0000;

/// One queue from the device's side.
#[derive(Clone, Copy, Default)]
struct Queue {
    size: u16,
    ready: u32,
    addresses: [u64; 3],
    seen: u16,
    used: u16,
}

/// The device and its machine.
pub struct State {
    ring: Memory,
    pub ram: Vec<u8>,
    /// Other memory that the device reads: its physical address, and the words there.
    pub regions: Vec<(u64, &'static [AtomicU64])>,
    pub id: u32,
    pub offered: u64,
    pub accepts: bool,
    pub resets: bool,
    pub accepted: u64,
    pub mac: [u8; 6],
    pub link: u16,
    pub status: u32,
    pub isr: u32,
    pub notified: [usize; 3],
    queues: [Queue; 3],
    queue: usize,
    select: [u32; 2],
    pub queue_max: u32,
    /// Header and content of each frame that was sent, in order.
    pub sent: Vec<(Vec<u8>, Vec<u8>)>,
    /// Heads of frames that were taken and are not done.
    pub pending: VecDeque<u16>,
    /// Transmitted frames are done at once.
    pub prompt: bool,
    /// Commands of the control queue, and what they are answered with.
    pub commands: Vec<Vec<u8>>,
    pub answer: u8,
}

#[derive(Clone)]
pub struct Fake(Rc<RefCell<State>>);

impl Fake {
    pub fn new(ring: Memory) -> Self {
        Self(Rc::new(RefCell::new(State {
            ring,
            ram: vec![0; 0x10000],
            regions: Vec::new(),
            id: 1,
            // And what the driver does not ask for: CTRL_VLAN, GUEST_ANNOUNCE, MQ, CTRL_MAC_ADDR, INDIRECT.
            offered: Features::all().bits() | 1 << 19 | 1 << 21 | 1 << 22 | 1 << 23 | 1 << 28,
            accepts: true,
            resets: true,
            accepted: 0,
            mac: [2, 0, 0, 0, 0, 1],
            link: 1,
            status: 0,
            isr: 0,
            notified: [0; 3],
            queues: [Queue::default(); 3],
            queue: 0,
            select: [0; 2],
            queue_max: 1024,
            sent: Vec::new(),
            pending: VecDeque::new(),
            prompt: true,
            commands: Vec::new(),
            answer: 0,
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

    fn bytes(&self, address: u64, len: usize) -> Vec<u8> {
        let inside = |(start, words): &&(u64, &[AtomicU64])| {
            (*start..start + 8 * words.len() as u64).contains(&address)
        };
        if let Some((start, words)) = self.regions.iter().find(inside) {
            let memory = Memory::of(words);
            let mut bytes = vec![0; len];
            memory.read((address - start) as usize, &mut bytes).unwrap();
            return bytes;
        }
        if address < RING {
            return self.ram[(address - RAM) as usize..][..len].to_vec();
        }
        let mut bytes = vec![0; len];
        self.ring.read(self.at(address), &mut bytes).unwrap();
        bytes
    }

    /// Address, length, device-writable.
    fn chain(&self, queue: &Queue, head: u16) -> Vec<(u64, u32, bool)> {
        let mut chain = Vec::new();
        let mut next = head;
        loop {
            assert!(next < queue.size && chain.len() < usize::from(queue.size));
            let at = self.at(queue.addresses[0] + 16 * u64::from(next));
            let flags = self.ring.load_u16(at + 12).unwrap();
            let address = self.ring.load_u64(at).unwrap();
            chain.push((address, self.ring.load_u32(at + 8).unwrap(), flags & 2 != 0));
            if flags & 1 == 0 {
                return chain;
            }
            next = self.ring.load_u16(at + 14).unwrap();
        }
    }

    /// Head of the next chain that the driver has made available.
    fn pop(&mut self, n: usize) -> Option<u16> {
        assert_eq!(self.status, 15, "only after DRIVER_OK");
        let queue = self.queues[n];
        assert_eq!(queue.ready, 1);
        let available = self.at(queue.addresses[1]);
        if self.ring.load_u16(available + 2).unwrap() == queue.seen {
            return None;
        }
        let slot = usize::from(queue.seen % queue.size);
        self.queues[n].seen = queue.seen.wrapping_add(1);
        // Wishes to be told of the next one.
        let event = self.at(queue.addresses[2]) + 4 + 8 * usize::from(queue.size);
        self.ring.store_u16(event, self.queues[n].seen).unwrap();
        self.ring.load_u16(available + 4 + 2 * slot)
    }

    pub fn push(&mut self, n: usize, head: u16, written: u32) {
        let queue = &mut self.queues[n];
        let used = (queue.addresses[2] - RING) as usize;
        let slot = usize::from(queue.used % queue.size);
        let at = used + 4 + 8 * slot;
        self.ring.store_u32(at, head.into()).unwrap();
        self.ring.store_u32(at + 4, written).unwrap();
        queue.used = queue.used.wrapping_add(1);
        self.ring.store_u16(used + 2, queue.used).unwrap();
        self.isr |= 1;
    }

    /// Moves a used index by `by` without elements.
    pub fn move_used(&mut self, n: usize, by: u16) {
        let queue = &mut self.queues[n];
        queue.used = queue.used.wrapping_add(by);
        let used = (queue.addresses[2] - RING) as usize;
        self.ring.store_u16(used + 2, queue.used).unwrap();
    }

    fn transmit(&mut self) {
        while let Some(head) = self.pop(1) {
            let chain = self.chain(&self.queues[1], head);
            assert!(chain.iter().all(|(_, _, write)| !write));
            let all: Vec<u8> = (chain.iter())
                .flat_map(|(address, len, _)| self.bytes(*address, *len as usize))
                .collect();
            let (header, frame) = all.split_at(12);
            self.sent.push((header.to_vec(), frame.to_vec()));
            match self.prompt {
                true => self.push(1, head, 0),
                false => self.pending.push_back(head),
            }
        }
    }

    /// Delivers a frame behind the first ten bytes of its header; `false`: not enough buffers.
    pub fn deliver(&mut self, header: [u8; 10], frame: &[u8], buffers: u16) -> bool {
        let mut rest = [header.as_slice(), &buffers.to_le_bytes(), frame].concat();
        let mut used = Vec::new();
        while !rest.is_empty() {
            let Some(head) = self.pop(0) else {
                return false;
            };
            let chain = self.chain(&self.queues[0], head);
            let [(address, len, true)] = chain[..] else {
                panic!("{chain:?}");
            };
            let len = rest.len().min(len as usize);
            self.ring.write(self.at(address), &rest[..len]).unwrap();
            rest.drain(..len);
            used.push((head, len as u32));
        }
        for (head, len) in used {
            self.push(0, head, len);
        }
        true
    }

    /// How many receive buffers the device has.
    pub fn receive_buffers(&self) -> u16 {
        let queue = self.queues[0];
        let available = self.ring.load_u16(self.at(queue.addresses[1]) + 2);
        available.unwrap().wrapping_sub(queue.seen)
    }

    fn control(&mut self) {
        while let Some(head) = self.pop(2) {
            let chain = self.chain(&self.queues[2], head);
            let (answer, parts) = chain.split_last().unwrap();
            assert_eq!((answer.1, answer.2), (1, true));
            let command = (parts.iter())
                .flat_map(|(address, len, _)| self.bytes(*address, *len as usize))
                .collect();
            self.commands.push(command);
            let at = self.at(answer.0);
            self.ring.store_u8(at, self.answer).unwrap();
            self.push(2, head, 1);
        }
    }

    fn config(&self, offset: usize) -> u32 {
        let [a, b, c, d, e, f] = self.mac;
        let [g, h] = self.link.to_le_bytes();
        match offset {
            0 => u32::from_le_bytes([a, b, c, d]),
            4 => u32::from_le_bytes([e, f, g, h]),
            _ => 0,
        }
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
            // The link is all that changes.
            CONFIG_GENERATION => state.link.into(),
            CONFIG.. => state.config(offset - CONFIG),
            _ => panic!("read of {offset:#x}"),
        }
    }

    fn write(&self, offset: usize, value: u32) {
        let mut state = self.set();
        let n = state.queue;
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
                state.queues[n].size = value as u16;
            }
            QUEUE_READY => {
                let [descriptors, driver, device] = state.queues[n].addresses;
                assert!(descriptors % 16 == 0 && driver % 2 == 0 && device % 4 == 0);
                state.queues[n].ready = value;
            }
            QUEUE_NOTIFY => {
                state.notified[value as usize] += 1;
                match value {
                    0 => {}
                    1 => state.transmit(),
                    _ => state.control(),
                }
            }
            INTERRUPT_ACK => state.isr &= !value,
            STATUS if value == 0 => {
                if state.resets {
                    (state.status, state.isr) = (0, 0);
                    state.queues = [Queue::default(); 3];
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
                let register = &mut state.queues[n].addresses[(offset - QUEUE_DESC) / 16];
                let shift = offset % 16 * 8;
                *register &= !(0xffff_ffff << shift);
                *register |= u64::from(value) << shift;
            }
            _ => panic!("write of {offset:#x}"),
        }
    }
}
