// SPDX-License-Identifier: BSD-2-Clause
//! A split virtqueue from the device's side (virtio 1.2, 2.7). The driver, and with it every byte of the queue, is not
//! trusted: each field is read once and checked, and the device keeps indices of its own.

use core::sync::atomic::{Ordering, fence};

use crate::ram::Ram;

/// Largest queue size that the device offers.
pub const SIZE_MAX: u16 = 256;
/// Most buffers of one chain that are kept; of a longer one only the count and the last buffer.
pub const BUFFERS: usize = 128;

const NEXT: u16 = 1;
const WRITE: u16 = 2;
const INDIRECT: u16 = 4;
const NO_INTERRUPT: u16 = 1;
const DESCRIPTOR: u64 = 16;

/// The driver broke the queue's own structure; the device needs a reset (virtio 1.2, 2.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// A part of the queue lies outside the guest's memory, or is misaligned.
    Address,
    /// The available index runs ahead by more than the queue's size.
    Index,
    /// A descriptor index is beyond the table.
    Descriptor,
    /// A chain is longer than its table: it has a loop.
    Loop,
    /// An indirect table inside another, in front of a next descriptor, writable, empty, oversized, or not negotiated.
    Indirect,
    /// A device-readable buffer behind a device-writable one (2.7.4.2).
    Direction,
}

/// One buffer of a chain; not checked against the guest's memory yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Guest-physical address.
    pub address: u64,
    /// Length in bytes.
    pub length: u32,
    /// The device writes it.
    pub write: bool,
}

/// A chain of buffers: the readable ones first.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    /// Index of its head, to be handed back.
    pub head: u16,
    /// Its buffers, or as many as fit.
    pub buffers: heapless::Vec<Buffer, BUFFERS>,
    /// How many of them, from the first, are read by the device; the others are written.
    pub readable: usize,
    /// The last buffer of a chain that had more than [`BUFFERS`].
    beyond: Option<Buffer>,
    /// The device writes the last buffer.
    written: bool,
}

/// A descriptor (2.7.5).
struct Descriptor {
    address: u64,
    length: u32,
    flags: u16,
    next: u16,
}

/// Where the driver has put the queue, and how it is to be used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layout {
    /// Number of descriptors, a power of two up to [`SIZE_MAX`].
    pub size: u16,
    /// Guest-physical address of the descriptor table.
    pub descriptors: u64,
    /// Of the available ring.
    pub available: u64,
    /// Of the used ring.
    pub used: u64,
    /// VIRTIO_F_INDIRECT_DESC was negotiated.
    pub indirect: bool,
    /// VIRTIO_F_EVENT_IDX was negotiated.
    pub event_index: bool,
}

/// A queue in use.
#[derive(Clone, Debug)]
pub struct Queue {
    layout: Layout,
    next_available: u16,
    /// The available index when it was last read: chains before it are there, whatever the driver writes since.
    available: u16,
    next_used: u16,
    /// Value of the used index at the last interrupt.
    signalled: u16,
}

impl Queue {
    /// Checks the layout and takes the queue into use, empty.
    ///
    /// # Errors
    /// [`Broken::Address`] for a size that is not a power of two up to [`SIZE_MAX`], or parts that are misaligned or
    /// outside the memory.
    pub fn new(layout: Layout, ram: &Ram) -> Result<Self, Broken> {
        let size = u64::from(layout.size);
        let placed = |address: u64, align: u64, length: u64| {
            address.is_multiple_of(align) && ram.offset(address, length).is_some()
        };
        let valid = layout.size.is_power_of_two()
            && layout.size <= SIZE_MAX
            && placed(layout.descriptors, 16, DESCRIPTOR * size)
            && placed(layout.available, 2, 6 + 2 * size)
            && placed(layout.used, 4, 6 + 8 * size);
        let queue = Self {
            layout,
            next_available: 0,
            available: 0,
            next_used: 0,
            signalled: 0,
        };
        if valid {
            Ok(queue)
        } else {
            Err(Broken::Address)
        }
    }

    /// Takes the next chain into `chain`. Returns whether there was one.
    ///
    /// # Errors
    /// See [`Broken`]; the queue is not to be used any more then.
    pub fn pop(&mut self, ram: &Ram, chain: &mut Chain) -> Result<bool, Broken> {
        let Some(head) = self.peek(ram)? else {
            return Ok(false);
        };
        self.walk(ram, head, chain)?;
        self.next_available = self.next_available.wrapping_add(1);
        Ok(true)
    }

    /// Reads a chain once more that was taken with this head and has not been handed back.
    ///
    /// # Errors
    /// As [`Self::pop`].
    pub fn read(&self, ram: &Ram, head: u16, chain: &mut Chain) -> Result<(), Broken> {
        self.walk(ram, head, chain)
    }

    /// Asks the driver to notify from the next chain on (2.7.10). Returns whether one has come meanwhile.
    ///
    /// # Errors
    /// As [`Self::pop`].
    pub fn enable_notification(&mut self, ram: &Ram) -> Result<bool, Broken> {
        if self.layout.event_index {
            let event = self.layout.used + 4 + 8 * u64::from(self.layout.size);
            ram.store_u16(event, self.next_available)
                .ok_or(Broken::Address)?;
            // The driver writes its index, then reads the event; the device the other way round (2.7.13.4.1).
            fence(Ordering::SeqCst);
        }
        Ok(self.peek(ram)?.is_some())
    }

    /// Hands a chain back, with the number of bytes written from the start of its writable part.
    ///
    /// # Errors
    /// [`Broken::Address`], which [`Self::new`] has ruled out.
    pub fn push(&mut self, ram: &Ram, head: u16, written: u32) -> Result<(), Broken> {
        let slot = u64::from(self.next_used % self.layout.size);
        let element = self.layout.used + 4 + 8 * slot;
        let next = self.next_used.wrapping_add(1);
        ram.store_u32(element, head.into())
            .and_then(|()| ram.store_u32(element + 4, written))
            .and_then(|()| ram.store_u16(self.layout.used + 2, next))
            .ok_or(Broken::Address)?;
        self.next_used = next;
        Ok(())
    }

    /// Whether the driver wants an interrupt for what was handed back since the last call (2.7.7.2).
    ///
    /// # Errors
    /// [`Broken::Address`], which [`Self::new`] has ruled out.
    pub fn wants_interrupt(&mut self, ram: &Ram) -> Result<bool, Broken> {
        let (old, new) = (self.signalled, self.next_used);
        if old == new {
            return Ok(false);
        }
        self.signalled = new;
        fence(Ordering::SeqCst);
        if self.layout.event_index {
            let event = self.layout.available + 4 + 2 * u64::from(self.layout.size);
            let event = ram.load_u16(event).ok_or(Broken::Address)?;
            let behind = new.wrapping_sub(event).wrapping_sub(1);
            Ok(behind < new.wrapping_sub(old))
        } else {
            let flags = ram.load_u16(self.layout.available).ok_or(Broken::Address)?;
            Ok(flags & NO_INTERRUPT == 0)
        }
    }

    /// Head of the next chain.
    fn peek(&mut self, ram: &Ram) -> Result<Option<u16>, Broken> {
        let layout = &self.layout;
        if self.available == self.next_available {
            let index = ram.load_u16(layout.available + 2).ok_or(Broken::Address)?;
            match index.wrapping_sub(self.next_available) {
                0 => return Ok(None),
                waiting if waiting > layout.size => return Err(Broken::Index),
                _ => self.available = index,
            }
        }
        let slot = u64::from(self.next_available % layout.size);
        let head = ram
            .load_u16(layout.available + 4 + 2 * slot)
            .ok_or(Broken::Address)?;
        if head < layout.size {
            Ok(Some(head))
        } else {
            Err(Broken::Descriptor)
        }
    }

    #[inline(always)]
    fn walk(&self, ram: &Ram, head: u16, chain: &mut Chain) -> Result<(), Broken> {
        chain.head = head;
        chain.buffers.clear();
        chain.readable = 0;
        chain.beyond = None;
        chain.written = false;
        let mut table = (self.layout.descriptors, self.layout.size);
        let mut index = head;
        let mut left = self.layout.size;
        let mut inside = false;
        loop {
            left = left.checked_sub(1).ok_or(Broken::Loop)?;
            if index >= table.1 {
                return Err(Broken::Descriptor);
            }
            let descriptor = load(ram, table.0, index)?;
            let Descriptor {
                address,
                length,
                flags,
                next,
            } = descriptor;
            if flags & INDIRECT != 0 {
                // 2.7.5.3.1: only one level, no NEXT beside it; WRITE is to be ignored.
                let entries = u64::from(length) / DESCRIPTOR;
                if inside
                    || !self.layout.indirect
                    || flags & NEXT != 0
                    || !u64::from(length).is_multiple_of(DESCRIPTOR)
                    || entries == 0
                    || entries > u64::from(SIZE_MAX)
                {
                    return Err(Broken::Indirect);
                }
                inside = true;
                table = (address, entries as u16);
                left = entries as u16;
                index = 0;
                continue;
            }
            chain.add(Buffer {
                address,
                length,
                write: flags & WRITE != 0,
            })?;
            if flags & NEXT == 0 {
                return Ok(());
            }
            index = next;
        }
    }
}

impl Chain {
    /// The last buffer, also of a chain with too many.
    #[must_use]
    pub fn last(&self) -> Option<Buffer> {
        self.beyond.or(self.buffers.last().copied())
    }

    /// Whether it had more than [`BUFFERS`].
    #[must_use]
    pub const fn is_too_long(&self) -> bool {
        self.beyond.is_some()
    }

    fn add(&mut self, buffer: Buffer) -> Result<(), Broken> {
        if self.written && !buffer.write {
            return Err(Broken::Direction);
        }
        self.written = buffer.write;
        match self.buffers.push(buffer) {
            Ok(()) => self.readable += usize::from(!buffer.write),
            Err(buffer) => self.beyond = Some(buffer),
        }
        Ok(())
    }
}

fn load(ram: &Ram, table: u64, index: u16) -> Result<Descriptor, Broken> {
    let address = table
        .checked_add(DESCRIPTOR * u64::from(index))
        .ok_or(Broken::Address)?;
    let (address, rest) = ram.load_pair(address).ok_or(Broken::Address)?;
    Ok(Descriptor {
        address,
        length: rest as u32,
        flags: (rest >> 32) as u16,
        next: (rest >> 48) as u16,
    })
}
