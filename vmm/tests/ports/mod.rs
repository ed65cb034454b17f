// SPDX-License-Identifier: BSD-2-Clause
//! A console device and a guest that drives it as Linux does (the kernel's `drivers/char/virtio_console.c`): all queues with
//! EVENT_IDX, notifications and interrupts only where they are wanted, control messages waited for on the spot, ports
//! that are opened and closed, writes that do not wait.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::BTreeMap;

use molt_shared::Memory;
use molt_vmm::virtio::console::Console;
use molt_vmm::{Counters, Device, Ram, Width, World};

use crate::common::{BASE, Fake, SIZE, words};

/// Descriptors of a queue.
pub const ENTRIES: u16 = 8;
/// Bytes of a buffer.
pub const BUFFER: usize = 0x800;
pub const CONTROL_RECEIVE: usize = 2;
pub const CONTROL_TRANSMIT: usize = 3;
pub const MULTIPORT: u64 = 2;
pub const NEEDS_RESET: u64 = 64;
const EVENT_INDEX: u64 = 1 << 29;
const NEXT: u16 = 1;
const WRITE: u16 = 2;

/// Places of queue `n`: descriptors, available ring, used ring, buffers.
pub const fn table(n: usize) -> usize {
    0x1000 * (n + 1)
}
pub const fn available(n: usize) -> usize {
    table(n) + 0x400
}
pub const fn used(n: usize) -> usize {
    table(n) + 0x800
}
pub const fn buffer(n: usize, entry: usize) -> usize {
    0x1_0000 + (n * ENTRIES as usize + entry) * BUFFER
}

/// The queues of a port: to the guest, and from it.
pub const fn queues(port: usize) -> (usize, usize) {
    match port {
        0 => (0, 1),
        _ => (2 * port + 2, 2 * port + 3),
    }
}

/// The guest's side of a queue.
#[derive(Clone, Debug, Default)]
struct Ring {
    available: u16,
    seen: u16,
    free: Vec<u16>,
}

/// What the guest knows of a port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    pub name: String,
    /// The service is there.
    pub connected: bool,
    /// It is a console, which Linux opens itself.
    pub console: bool,
    /// How often the guest was told that there is the port.
    pub added: usize,
}

pub struct Rig {
    pub device: Console<'static>,
    pub fake: Fake,
    pub counters: Counters,
    pub memory: Memory,
    ram: Ram,
    rings: Vec<Ring>,
    pub ports: BTreeMap<u32, Known>,
}

impl Rig {
    /// The device, whose driver is not there yet.
    pub fn with(device: Console<'static>) -> Self {
        let memory = Memory::of(words(SIZE / 8));
        Self {
            device,
            fake: Fake::default(),
            counters: Counters::default(),
            memory,
            ram: Ram::new(memory, BASE),
            rings: Vec::new(),
            ports: BTreeMap::new(),
        }
    }

    /// The device and a driver that knows all its ports.
    pub fn started(device: Console<'static>) -> Self {
        let mut rig = Self::with(device);
        rig.start();
        rig
    }

    pub fn world<T>(&mut self, work: impl FnOnce(&mut Console<'static>, &mut World<'_>) -> T) -> T {
        let mut world = World {
            ram: &self.ram,
            platform: &mut self.fake,
            counters: &mut self.counters,
        };
        work(&mut self.device, &mut world)
    }

    pub fn set(&mut self, offset: u64, value: u64) {
        self.world(|device, world| device.write(offset, Width::Word, value, world));
    }

    pub fn get(&mut self, offset: u64) -> u64 {
        self.device.read(offset, Width::Word)
    }

    /// Something has happened outside; the guest takes its interrupt.
    pub fn poll(&mut self) {
        self.world(|device, world| device.poll(world));
        self.interrupted();
    }

    /// Brings the device up, and gets to know its ports.
    pub fn start(&mut self) {
        self.start_without(0);
        self.control(0, 0, 1);
        self.interrupted();
    }

    /// Brings it up with empty queues.
    pub fn start_empty(&mut self) {
        self.bring_up(0);
    }

    /// Brings it up without these features, with buffers for what comes first.
    pub fn start_without(&mut self, features: u64) {
        self.bring_up(features);
        match features & MULTIPORT {
            0 => self.fill(CONTROL_RECEIVE),
            _ => self.fill(0),
        }
    }

    fn bring_up(&mut self, features: u64) {
        self.set(0x70, 0);
        self.memory.write(0, &[0; 0x1_0000]).unwrap();
        self.ports.clear();
        for status in [1, 3] {
            self.set(0x70, status);
        }
        for half in 0..2 {
            self.set(0x14, half);
            let offered = self.get(0x10) & !(features >> (32 * half));
            self.set(0x24, half);
            self.set(0x20, offered);
        }
        self.set(0x70, 11);
        let ports = self.device.read(0x104, Width::Word) as usize;
        let count = match features & MULTIPORT {
            0 => 2 * (ports + 1),
            _ => 2,
        };
        self.rings = vec![Ring::default(); count];
        for n in 0..count {
            self.rings[n].free = (0..ENTRIES).rev().collect();
            self.set(0x30, n as u64);
            self.set(0x38, ENTRIES.into());
            for (register, offset) in [(0x80, table(n)), (0x90, available(n)), (0xa0, used(n))] {
                self.set(register, BASE + offset as u64);
            }
            self.set(0x44, 1);
        }
        self.set(0x70, 15);
        assert_eq!(self.get(0x70), 15);
    }

    /// Gives the device all buffers of a queue to the guest.
    pub fn fill(&mut self, n: usize) {
        while let Some(entry) = self.rings[n].free.pop() {
            self.add(n, entry, BUFFER, WRITE);
        }
        self.kick(n);
    }

    fn add(&mut self, n: usize, entry: u16, length: usize, flags: u16) {
        let address = BASE + buffer(n, entry.into()) as u64;
        self.descriptor(n, entry.into(), address, length as u32, flags, 0);
        self.make_available(n, entry);
    }

    pub fn descriptor(
        &self,
        n: usize,
        entry: usize,
        address: u64,
        length: u32,
        flags: u16,
        next: u16,
    ) {
        let at = table(n) + 16 * entry;
        self.memory.store_u64(at, address).unwrap();
        self.memory.store_u32(at + 8, length).unwrap();
        self.memory.store_u16(at + 12, flags).unwrap();
        self.memory.store_u16(at + 14, next).unwrap();
    }

    /// Makes the chain that begins with this descriptor available.
    pub fn make_available(&mut self, n: usize, head: u16) {
        let ring = &mut self.rings[n];
        let slot = usize::from(ring.available % ENTRIES);
        ring.available = ring.available.wrapping_add(1);
        let place = available(n);
        self.memory.store_u16(place + 4 + 2 * slot, head).unwrap();
        self.memory.store_u16(place + 2, ring.available).unwrap();
    }

    /// Notifies, if the device wants to be told (2.7.10): since the last chain that it has seen something was added.
    pub fn kick(&mut self, n: usize) {
        let event = used(n) + 4 + 8 * usize::from(ENTRIES);
        let event = self.memory.load_u16(event).unwrap();
        let new = self.rings[n].available;
        // Some number of chains was added: at most all.
        if new.wrapping_sub(event).wrapping_sub(1) < ENTRIES {
            self.set(0x50, n as u64);
        }
    }

    /// The next chain that was handed back: its head, and the bytes written.
    pub fn handed_back(&mut self, n: usize) -> Option<(u16, usize)> {
        let ring = &mut self.rings[n];
        if self.memory.load_u16(used(n) + 2).unwrap() == ring.seen {
            return None;
        }
        let at = used(n) + 4 + 8 * usize::from(ring.seen % ENTRIES);
        ring.seen = ring.seen.wrapping_add(1);
        // An interrupt is wanted at the next one.
        let event = available(n) + 4 + 2 * usize::from(ENTRIES);
        self.memory.store_u16(event, ring.seen).unwrap();
        let head = self.memory.load_u32(at).unwrap() as u16;
        let written = self.memory.load_u32(at + 4).unwrap();
        Some((head, written as usize))
    }

    /// Sends a control message and waits until it was taken, which Linux does without letting anything else run.
    pub fn control(&mut self, id: u32, event: u16, value: u16) {
        let n = CONTROL_TRANSMIT;
        let entry = self.rings[n].free.pop().expect("none is on its way");
        let rest = u32::from(event) | u32::from(value) << 16;
        let message = [id.to_le_bytes(), rest.to_le_bytes()];
        let at = buffer(n, entry.into());
        self.memory.write(at, message.as_flattened()).unwrap();
        self.add(n, entry, 8, 0);
        self.kick(n);
        let back = self.handed_back(n);
        assert_eq!(back, Some((entry, 0)), "Linux would wait for ever");
        self.rings[n].free.push(entry);
    }

    /// The interrupt handler: control messages, and whatever they ask for.
    pub fn interrupted(&mut self) {
        if !self.device.interrupt() {
            return;
        }
        self.set(0x64, 3);
        if self.rings.len() <= CONTROL_RECEIVE {
            return;
        }
        while let Some((entry, length)) = self.handed_back(CONTROL_RECEIVE) {
            let mut bytes = vec![0; length];
            let at = buffer(CONTROL_RECEIVE, entry.into());
            self.memory.read(at, &mut bytes).unwrap();
            self.add(CONTROL_RECEIVE, entry, BUFFER, WRITE);
            self.kick(CONTROL_RECEIVE);
            self.told(&bytes);
        }
        if self.device.interrupt() {
            self.interrupted();
        }
    }

    fn told(&mut self, message: &[u8]) {
        let (header, text) = message.split_at(8);
        let id = u32::from_le_bytes(header[..4].try_into().unwrap());
        match (header[4], header[6]) {
            (1, 1) => {
                self.ports.entry(id).or_default().added += 1;
                self.fill(queues(id as usize).0);
                self.control(id, 3, 1);
            }
            (4, 1) => {
                self.ports.get_mut(&id).unwrap().console = true;
                self.control(id, 6, 1);
            }
            (6, value) => self.ports.get_mut(&id).unwrap().connected = value == 1,
            (7, 1) => {
                self.ports.get_mut(&id).unwrap().name = String::from_utf8(text.to_vec()).unwrap()
            }
            other => panic!("no message of a device: {other:?}"),
        }
    }

    pub fn open(&mut self, port: u32) {
        self.control(port, 6, 1);
        self.interrupted();
    }

    pub fn close(&mut self, port: u32) {
        self.control(port, 6, 0);
        // Linux drops what has come and was not read.
        self.read(port as usize);
    }

    /// Writes, as far as there are descriptors. Returns how many bytes.
    pub fn write(&mut self, port: usize, bytes: &[u8]) -> usize {
        let (_, n) = queues(port);
        let mut written = 0;
        for part in bytes.chunks(BUFFER) {
            self.reclaim(n);
            let Some(entry) = self.rings[n].free.pop() else {
                break;
            };
            let at = buffer(n, entry.into());
            self.memory.write(at, part).unwrap();
            self.add(n, entry, part.len(), 0);
            self.kick(n);
            written += part.len();
        }
        self.interrupted();
        written
    }

    /// Takes the buffers back that were sent.
    fn reclaim(&mut self, n: usize) {
        while let Some((entry, written)) = self.handed_back(n) {
            assert_eq!(written, 0, "nothing is written to what the guest sends");
            self.rings[n].free.push(entry);
        }
    }

    /// How many of its buffers the guest has not back.
    pub fn on_their_way(&mut self, port: usize) -> usize {
        let (_, n) = queues(port);
        self.reclaim(n);
        usize::from(ENTRIES) - self.rings[n].free.len()
    }

    /// Reads all that has come, and gives the buffers back.
    pub fn read(&mut self, port: usize) -> Vec<u8> {
        let bytes = self.look(port);
        self.fill(queues(port).0);
        self.interrupted();
        bytes
    }

    /// Reads all that has come, and keeps the buffers.
    pub fn look(&mut self, port: usize) -> Vec<u8> {
        let (n, _) = queues(port);
        let mut all = Vec::new();
        while let Some((entry, length)) = self.handed_back(n) {
            let mut bytes = vec![0; length];
            let at = buffer(n, entry.into());
            self.memory.read(at, &mut bytes).unwrap();
            all.extend(bytes);
            self.rings[n].free.push(entry);
        }
        all
    }

    pub fn needs_reset(&mut self) -> bool {
        self.get(0x70) & NEEDS_RESET != 0
    }
}
