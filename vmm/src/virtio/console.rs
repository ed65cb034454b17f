// SPDX-License-Identifier: BSD-2-Clause
//! The guest's ports: a virtio console device (virtio 1.2, 5.3) with VIRTIO_CONSOLE_F_MULTIPORT.
//!
//! Each port is a byte stream between the guest and a service of the VMM ([`Port`]). Nothing of the guest's memory is kept
//! from one event to the next: a chain that a service has taken in part stays in the guest's queue and is read anew, so a
//! reset finds nothing in flight. Bytes wait in the guest's own queues in both directions: those that the guest sends until the
//! service takes them, and those for the guest in the service until the guest has a buffer.
//!
//! Port 0 is for a [console](crate::virtio::terminal): a guest without MULTIPORT has no other, and it is open from the start then. What is sent to a port that is not open, or
//! that has no service, is dropped.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::AtomicU64;

use crate::bus::{Device, World};
use crate::ram::Ram;
use crate::syndrome::Width;
use crate::virtio::console_control::{HEADER, Said, Untold};
use crate::virtio::mmio::{self, CONFIGURATION, Effect, Transport};
use crate::virtio::port::Port;
use crate::virtio::queue::{Broken, Chain, Queue};

const CONSOLE: u32 = 3;
/// VIRTIO_CONSOLE_F_MULTIPORT.
const MULTIPORT: u64 = 1 << 1;
/// Most ports, port 0 included.
pub const PORTS: usize = 4;
/// A pair for each port, and one for control messages.
const QUEUES: usize = 2 * (PORTS + 1);
const CONTROL_RECEIVE: usize = 2;
const CONTROL_TRANSMIT: usize = 3;
/// Bytes that are copied at a time.
const COPIED: usize = 4096;

/// A port and how far the guest has come with it.
#[derive(Default)]
struct Slot<'a> {
    service: Option<Box<dyn Port + 'a>>,
    open: bool,
    untold: Untold,
    /// Bytes of the next chain to be sent that the service has taken.
    taken: u64,
}

impl Slot<'_> {
    fn set_open(&mut self, open: bool) {
        let Some(service) = &mut self.service else {
            return;
        };
        // Opening twice ends the session in between.
        if core::mem::replace(&mut self.open, open) {
            service.close();
        }
        self.taken = 0;
        if open {
            service.open();
        }
    }
}

/// A virtio console device.
pub struct Console<'a> {
    transport: Transport<'a, QUEUES>,
    slots: [Slot<'a>; PORTS],
    chain: Chain,
    /// The bytes that are being copied.
    copied: Vec<u8>,
}

impl<'a> Console<'a> {
    /// A device without ports. `page`: see [`Transport::new`].
    #[must_use]
    pub fn new(page: &'a [AtomicU64]) -> Self {
        let mut console = Self {
            transport: Transport::new(CONSOLE, page),
            slots: Default::default(),
            chain: Chain::default(),
            copied: vec![0; COPIED],
        };
        console.offer();
        console
    }

    /// Puts a service behind port `id`, below [`PORTS`], before the guest starts. Services that guests find by name begin
    /// with port 1.
    #[must_use]
    pub fn with_port(mut self, id: usize, service: impl Port + 'a) -> Self {
        if let Some(slot) = self.slots.get_mut(id) {
            slot.service = Some(Box::new(service));
        }
        self.offer();
        self
    }

    /// The device was reset.
    fn begin_life(&mut self) {
        for slot in &mut self.slots {
            slot.set_open(false);
            slot.untold = Untold::default();
        }
    }

    /// Offers as many ports as there are.
    fn offer(&mut self) {
        let last = (self.slots.iter()).rposition(|slot| slot.service.is_some());
        let ports = last.unwrap_or(0) as u32 + 1;
        // cols, rows; max_nr_ports; emerg_wr (5.3.4).
        let mut configuration = [0; CONFIGURATION];
        for (to, from) in configuration.iter_mut().skip(4).zip(ports.to_le_bytes()) {
            *to = from;
        }
        self.transport.offer(MULTIPORT, configuration);
    }

    /// The queues of port `id`: to the guest, and from it (5.3.2).
    const fn queues(id: usize) -> (usize, usize) {
        match id {
            0 => (0, 1),
            _ => (2 * id + 2, 2 * id + 3),
        }
    }

    fn work(&mut self, world: &mut World<'_>) -> Result<(), Broken> {
        if self.transport.features() & MULTIPORT != 0 {
            self.listen(world.ram)?;
            self.tell(world.ram)?;
        } else if self.transport.queue(0).is_some()
            && let Some(slot) = self.slots.first_mut().filter(|slot| !slot.open)
        {
            slot.set_open(true);
        }
        for id in 0..PORTS {
            // A service that has given something may have room again, and the other way round.
            while self.take(id, world)? | self.give(id, world.ram)? {}
        }
        self.settle(world);
        self.signal(world.ram)
    }

    /// Takes the guest's control messages.
    fn listen(&mut self, ram: &Ram) -> Result<(), Broken> {
        let Self {
            transport,
            slots,
            chain,
            ..
        } = self;
        let Some(queue) = transport.queue(CONTROL_TRANSMIT) else {
            return Ok(());
        };
        while pop(queue, ram, chain)? {
            let mut bytes = [0; HEADER];
            // A message that is too short says nothing.
            let said = match read(chain, ram, 0, &mut bytes)? {
                HEADER => Said::read(&bytes),
                _ => None,
            };
            match said {
                Some(Said::DeviceReady) => {
                    let there = slots.iter_mut().filter(|slot| slot.service.is_some());
                    there.for_each(|slot| slot.untold.add());
                }
                Some(Said::PortReady(id)) => {
                    if let Some(slot) = slot(slots, id) {
                        let service = slot.service.as_ref();
                        let console = service.is_some_and(|service| service.is_console());
                        slot.untold.describe(console);
                    }
                }
                Some(Said::Open(id, open)) => {
                    if let Some(slot) = slot(slots, id) {
                        slot.set_open(open);
                    }
                }
                None => {}
            }
            queue.push(ram, chain.head, 0)?;
        }
        Ok(())
    }

    /// Tells the guest of the ports, as far as it has buffers.
    fn tell(&mut self, ram: &Ram) -> Result<(), Broken> {
        let Self {
            transport,
            slots,
            chain,
            ..
        } = self;
        let Some(queue) = transport.queue(CONTROL_RECEIVE) else {
            return Ok(());
        };
        for (id, slot) in slots.iter_mut().enumerate() {
            let name = slot.service.as_ref().map_or("", |service| service.name());
            while !slot.untold.is_empty() {
                if !pop(queue, ram, chain)? {
                    return Ok(());
                }
                let message = slot.untold.message(id as u32, name);
                if room(chain, ram)? < message.len() as u64 {
                    return Err(Broken::Address);
                }
                let mut left: &[u8] = &message;
                for buffer in &chain.buffers {
                    let (part, rest) = left.split_at(left.len().min(buffer.length as usize));
                    ram.write(buffer.address, part).ok_or(Broken::Address)?;
                    left = rest;
                }
                queue.push(ram, chain.head, message.len() as u32)?;
                slot.untold.told();
            }
        }
        Ok(())
    }

    /// Offers the service of port `id` what the guest has sent. Returns whether anything was taken.
    fn take(&mut self, id: usize, world: &mut World<'_>) -> Result<bool, Broken> {
        let (_, n) = Self::queues(id);
        let (Some(queue), Some(slot)) = (self.transport.queue(n), self.slots.get_mut(id)) else {
            return Ok(false);
        };
        let ram = world.ram;
        let mut moved = false;
        loop {
            let before = queue.clone();
            if !pop(queue, ram, &mut self.chain)? {
                return Ok(moved);
            }
            while let Some(service) = slot.service.as_mut().filter(|_| slot.open) {
                let len = read(&self.chain, ram, slot.taken, &mut self.copied)?;
                let Some(bytes) = self.copied.get(..len).filter(|bytes| !bytes.is_empty()) else {
                    break;
                };
                let taken = service.take(bytes, world).min(len);
                slot.taken += taken as u64;
                moved |= taken > 0;
                if taken < len {
                    *queue = before;
                    return Ok(moved);
                }
            }
            slot.taken = 0;
            queue.push(ram, self.chain.head, 0)?;
        }
    }

    /// Gives the guest what the service of port `id` has for it. Returns whether there was anything.
    fn give(&mut self, id: usize, ram: &Ram) -> Result<bool, Broken> {
        let (n, _) = Self::queues(id);
        let (Some(queue), Some(slot)) = (self.transport.queue(n), self.slots.get_mut(id)) else {
            return Ok(false);
        };
        let Some(service) = slot.service.as_mut().filter(|_| slot.open) else {
            return Ok(false);
        };
        let mut moved = false;
        loop {
            let before = queue.clone();
            if !pop(queue, ram, &mut self.chain)? {
                return Ok(moved);
            }
            let room = room(&self.chain, ram)?;
            let given = fill(&self.chain, ram, &mut self.copied, service.as_mut())?;
            if given == 0 && room > 0 {
                *queue = before;
                return Ok(moved);
            }
            moved = true;
            queue.push(ram, self.chain.head, given)?;
        }
    }

    /// Lets the services tell others that they have given something.
    fn settle(&mut self, world: &mut World<'_>) {
        for service in (self.slots.iter_mut()).filter_map(|slot| slot.service.as_mut()) {
            service.given(world);
        }
    }

    /// Raises the interrupt, if the guest wants it for any of the queues.
    fn signal(&mut self, ram: &Ram) -> Result<(), Broken> {
        for n in 0..QUEUES {
            let queue = self.transport.queue(n);
            if queue.map_or(Ok(false), |queue| queue.wants_interrupt(ram))? {
                self.transport.signal();
            }
        }
        Ok(())
    }
}

impl Device for Console<'_> {
    fn size(&self) -> u64 {
        mmio::SIZE
    }

    fn read(&mut self, offset: u64, width: Width) -> u64 {
        self.transport.read(offset, width)
    }

    fn ignores_value(&self, offset: u64) -> bool {
        self.transport.ignores_value(offset)
    }

    fn write(&mut self, offset: u64, width: Width, value: u64, world: &mut World<'_>) {
        match self.transport.write(offset, width, value, world.ram) {
            Effect::Nothing => {}
            Effect::Notify => {
                if self.work(world).is_err() {
                    self.transport.needs_reset();
                }
            }
            Effect::Reset => {
                self.begin_life();
                self.settle(world);
            }
        }
    }

    fn interrupt(&self) -> bool {
        self.transport.interrupt()
    }

    fn pauses(&mut self) -> bool {
        let mut services = self.slots.iter().filter_map(|slot| slot.service.as_ref());
        services.any(|service| service.pauses())
    }

    fn end(&mut self, world: &mut World<'_>) {
        for service in (self.slots.iter_mut()).filter_map(|slot| slot.service.as_mut()) {
            service.end(world);
        }
    }

    fn reset(&mut self, world: &mut World<'_>) {
        self.transport.reset();
        self.begin_life();
        for service in (self.slots.iter_mut()).filter_map(|slot| slot.service.as_mut()) {
            service.reset(world);
        }
    }

    fn poll(&mut self, world: &mut World<'_>) {
        let mut news = false;
        for slot in &mut self.slots {
            if let Some(service) = &mut slot.service {
                news |= service.poll(world) && slot.open;
            }
        }
        // Whatever a guest does itself arrives as a notification.
        if news && self.work(world).is_err() {
            self.transport.needs_reset();
        }
    }
}

/// The port of this number, if it has a service.
fn slot<'s, 'a>(slots: &'s mut [Slot<'a>], id: u32) -> Option<&'s mut Slot<'a>> {
    let slot = slots.get_mut(usize::try_from(id).ok()?)?;
    slot.service.is_some().then_some(slot)
}

/// The next chain; where there is none, the guest is asked to notify of the next one.
fn pop(queue: &mut Queue, ram: &Ram, chain: &mut Chain) -> Result<bool, Broken> {
    while !queue.pop(ram, chain)? {
        if !queue.enable_notification(ram)? {
            return Ok(false);
        }
    }
    // Of a chain that is too long bytes would be lost.
    match chain.is_too_long() {
        true => Err(Broken::Loop),
        false => Ok(true),
    }
}

/// Copies bytes of the readable part of a chain, from its byte `start` on. Returns how many: fewer than fit only at the end.
fn read(chain: &Chain, ram: &Ram, start: u64, to: &mut [u8]) -> Result<usize, Broken> {
    let (mut skip, mut len) = (start, 0);
    for buffer in chain.buffers.iter().take(chain.readable) {
        let length = u64::from(buffer.length);
        ram.offset(buffer.address, length).ok_or(Broken::Address)?;
        let here = skip.min(length);
        skip -= here;
        let room = to.get_mut(len..).unwrap_or_default();
        let count = (length - here).min(room.len() as u64) as usize;
        let part = room.get_mut(..count).unwrap_or_default();
        ram.read(buffer.address + here, part)
            .ok_or(Broken::Address)?;
        len += count;
    }
    Ok(len)
}

/// The bytes that a chain for the guest has room for. It must not have a readable part (5.3.6), and must lie in the memory.
fn room(chain: &Chain, ram: &Ram) -> Result<u64, Broken> {
    if chain.readable > 0 {
        return Err(Broken::Direction);
    }
    let mut all = 0;
    for buffer in &chain.buffers {
        let length = u64::from(buffer.length);
        ram.offset(buffer.address, length).ok_or(Broken::Address)?;
        all += length;
    }
    Ok(all)
}

/// Fills a chain with what the service gives. Returns how many bytes.
fn fill(
    chain: &Chain,
    ram: &Ram,
    copied: &mut [u8],
    service: &mut (dyn Port + '_),
) -> Result<u32, Broken> {
    let mut all = 0_u32;
    for buffer in &chain.buffers {
        let mut at = 0;
        while at < buffer.length {
            let most = (buffer.length - at).min(u32::MAX - all) as usize;
            let most = most.min(copied.len());
            let room = copied.get_mut(..most).unwrap_or_default();
            if room.is_empty() {
                return Ok(all);
            }
            let count = service.give(room).min(most);
            let given = room.get(..count).unwrap_or_default();
            ram.write(buffer.address + u64::from(at), given)
                .ok_or(Broken::Address)?;
            at += count as u32;
            all += count as u32;
            if count == 0 {
                return Ok(all);
            }
        }
    }
    Ok(all)
}
