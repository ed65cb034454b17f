// SPDX-License-Identifier: BSD-2-Clause
//! A model of a virtio device that is a PCI function (4.1), without queues' contents: what a driver reads and writes to start,
//! notify and stop it.

use std::cell::{Ref, RefCell, RefMut};
use std::rc::Rc;

use molt_shared::{Mmio, Narrow};

use crate::registers::{ACCESS_PLATFORM, EVENT_INDEX, VERSION_1};

/// Where the structures are in the registers.
const COMMON: usize = 0x1000;
const CONFIG: usize = 0x2000;
const NOTIFY: usize = 0x3000;
const MULTIPLIER: usize = 8;

/// A queue as the driver has set it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    pub size: u16,
    pub vector: u16,
    pub enabled: u16,
    /// Descriptors, available and used ring.
    pub addresses: [u64; 3],
}

/// The function.
pub struct State {
    pub configuration: Vec<u8>,
    pub offered: u64,
    pub accepted: u64,
    pub accepts: bool,
    pub resets: bool,
    /// Whether it has messages.
    pub messages: bool,
    pub status: u8,
    pub generation: u8,
    /// How often the configuration changes while it is read.
    pub changes: u8,
    pub config_vector: u16,
    pub queues: [Queue; 4],
    /// What was notified: the queue whose register it was, and what was written.
    pub notified: Vec<(usize, u16)>,
    select: [u32; 2],
    queue: usize,
}

impl State {
    /// Writes to the configuration space.
    pub fn put(&mut self, at: usize, bytes: &[u8]) {
        self.configuration[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

/// One of its two windows.
#[derive(Clone)]
pub struct Fake {
    state: Rc<RefCell<State>>,
    registers: bool,
}

impl Fake {
    /// As QEMU's virtio-net-pci is laid out.
    pub fn new() -> Self {
        let queue = Queue {
            size: 256,
            vector: 0xffff,
            enabled: 0,
            addresses: [0; 3],
        };
        let mut state = State {
            configuration: vec![0; 256],
            // And one that nobody wishes for.
            offered: VERSION_1 | ACCESS_PLATFORM | EVENT_INDEX | 1 << 28,
            accepted: 0,
            accepts: true,
            resets: true,
            messages: true,
            status: 15,
            generation: 0,
            changes: 0,
            config_vector: 0xffff,
            queues: [(); 4].map(|()| queue.clone()),
            notified: Vec::new(),
            select: [0; 2],
            queue: 0,
        };
        state.put(0x00, &[0xf4, 0x1a, 0x41, 0x10]);
        state.put(0x34, &[0x40]);
        // An MSI-X capability first, then the structures, one of them in another base address register.
        state.put(0x40, &[0x11, 0x48, 0x01, 0x80]);
        for (at, next, kind, bar, offset) in [
            (0x48, 0x58, 2, 1, 0x500),
            (0x58, 0x68, 1, 4, COMMON),
            (0x68, 0x78, 4, 4, CONFIG),
            (0x78, 0x00, 2, 4, NOTIFY),
        ] {
            state.put(at, &[0x09, next, 16, kind, bar, 0, 0, 0]);
            state.put(at + 8, &(offset as u32).to_le_bytes());
            if at == 0x78 {
                state.put(at + 16, &(MULTIPLIER as u32).to_le_bytes());
            }
        }
        Self {
            state: Rc::new(RefCell::new(state)),
            registers: true,
        }
    }

    /// Its configuration space.
    pub fn configuration(&self) -> Self {
        Self {
            registers: false,
            ..self.clone()
        }
    }

    pub fn get(&self) -> Ref<'_, State> {
        self.state.borrow()
    }

    pub fn set(&self) -> RefMut<'_, State> {
        self.state.borrow_mut()
    }
}

/// The offset at which a queue is notified: not in the order of the queues.
fn notify_off(queue: usize) -> usize {
    3 - queue
}

impl Mmio for Fake {
    fn read(&self, offset: usize) -> u32 {
        let state = self.get();
        if !self.registers {
            let bytes = &state.configuration[offset..offset + 4];
            return u32::from_le_bytes(bytes.try_into().unwrap());
        }
        match offset - COMMON {
            0x04 => (state.offered >> (32 * state.select[0])) as u32,
            0x1000 => 0x1234_5678,
            _ => panic!("read of {offset:#x}"),
        }
    }

    fn write(&self, offset: usize, value: u32) {
        assert!(self.registers, "the configuration space is read only");
        let mut state = self.set();
        let n = state.queue;
        match offset - COMMON {
            0x00 => state.select[0] = value,
            0x08 => state.select[1] = value,
            0x0c => state.accepted |= u64::from(value) << (32 * state.select[1]),
            at @ 0x20..0x38 => {
                let shift = at % 8 * 8;
                state.queues[n].addresses[(at - 0x20) / 8] |= u64::from(value) << shift;
            }
            _ => panic!("write of {offset:#x}"),
        }
    }
}

impl Narrow for Fake {
    fn read_8(&self, offset: usize) -> u8 {
        let mut state = self.set();
        match offset - COMMON {
            0x14 => state.status,
            0x15 => {
                let changed = state.changes.min(1);
                state.changes -= changed;
                state.generation += changed;
                state.generation
            }
            _ => panic!("read of {offset:#x}"),
        }
    }

    fn write_8(&self, offset: usize, value: u8) {
        let mut state = self.set();
        assert_eq!(offset - COMMON, 0x14);
        state.status = match value {
            0 if !state.resets => state.status,
            value if state.accepts => value,
            value => value & !8,
        };
    }

    fn read_16(&self, offset: usize) -> u16 {
        let state = self.get();
        let queue = &state.queues[state.queue];
        match offset - COMMON {
            0x10 => state.config_vector,
            0x18 => queue.size,
            0x1a => queue.vector,
            0x1c => queue.enabled,
            0x1e => notify_off(state.queue) as u16,
            _ => panic!("read of {offset:#x}"),
        }
    }

    fn write_16(&self, offset: usize, value: u16) {
        let mut state = self.set();
        let n = state.queue;
        let vector = if state.messages { value } else { 0xffff };
        if offset >= NOTIFY {
            let registers = (0..4).map(|queue| NOTIFY + MULTIPLIER * notify_off(queue));
            let queue = registers.into_iter().position(|at| at == offset);
            state.notified.push((queue.unwrap(), value));
            return;
        }
        match offset - COMMON {
            0x10 => state.config_vector = vector,
            0x16 => state.queue = value.into(),
            0x18 => state.queues[n].size = value,
            0x1a => state.queues[n].vector = vector,
            0x1c => state.queues[n].enabled = value,
            _ => panic!("write of {offset:#x}"),
        }
    }
}
