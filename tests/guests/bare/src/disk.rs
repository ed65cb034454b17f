// SPDX-License-Identifier: BSD-2-Clause
//! The disk, with several requests in flight, each in a slot that owns its buffer.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ptr::{self, NonNull};

use virtio_drivers::device::blk::{BlkReq, BlkResp, SECTOR_SIZE, VirtIOBlk};
use virtio_drivers::transport::mmio::{MmioTransport, VirtIOHeader};

use crate::interrupts::Gic;
use crate::machine::Device;
use crate::memory::Identity;
use crate::processor;
use molt_guest::pattern::BLOCK;

/// Sectors in a block.
const SECTORS: u64 = (BLOCK / SECTOR_SIZE) as u64;

/// The work of a slot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    /// From the disk.
    Read,
    /// To the disk.
    Write,
}

struct Slot {
    request: BlkReq,
    response: BlkResp,
    block: [u8; BLOCK],
    flight: Option<(u16, Transfer)>,
}

/// The disk.
pub struct Disk {
    device: VirtIOBlk<Identity, MmioTransport<'static>>,
    slots: Vec<Box<Slot>>,
}

impl Disk {
    /// Starts the device, for `slots` requests in flight.
    pub fn new(device: Device, slots: usize) -> Option<Self> {
        let header = NonNull::new(ptr::with_exposed_provenance_mut::<VirtIOHeader>(
            device.registers,
        ))?;
        // SAFETY: the device tree says that a transport is there; nobody else uses it.
        let transport = unsafe { MmioTransport::new(header, device.size) }.ok()?;
        Some(Self {
            device: VirtIOBlk::new(transport).ok()?,
            slots: (0..slots)
                .map(|_| {
                    Box::new(Slot {
                        request: BlkReq::default(),
                        response: BlkResp::default(),
                        block: [0; BLOCK],
                        flight: None,
                    })
                })
                .collect(),
        })
    }

    /// Blocks on it.
    pub fn blocks(&self) -> u64 {
        self.device.capacity() / SECTORS
    }

    /// The slot's buffer, while it is not in flight.
    pub fn block(&mut self, slot: usize) -> Option<&mut [u8; BLOCK]> {
        let slot = self.slots.get_mut(slot)?;
        slot.flight.is_none().then_some(&mut slot.block)
    }

    /// Puts the slot in flight; false where the device has no place for it.
    pub fn start(&mut self, slot: usize, transfer: Transfer, number: u64) -> bool {
        let Some(slot) = self.slots.get_mut(slot).filter(|s| s.flight.is_none()) else {
            return false;
        };
        let Slot {
            request,
            response,
            block,
            ..
        } = &mut **slot;
        let sector = (number * SECTORS) as usize;
        // SAFETY: the slot is boxed and stays where it is; while `flight` is set nobody touches its parts.
        let token = unsafe {
            match transfer {
                Transfer::Read => self.device.read_blocks_nb(sector, request, block, response),
                Transfer::Write => self
                    .device
                    .write_blocks_nb(sector, request, block, response),
            }
        };
        slot.flight = token.ok().map(|token| (token, transfer));
        slot.flight.is_some()
    }

    /// The next slot whose request is complete, and whether it succeeded.
    pub fn complete(&mut self) -> Option<(usize, bool)> {
        let token = self.device.peek_used()?;
        let index = self
            .slots
            .iter()
            .position(|slot| slot.flight.is_some_and(|flight| flight.0 == token))?;
        let slot = self.slots.get_mut(index)?;
        let (token, transfer) = slot.flight.take()?;
        let Slot {
            request,
            response,
            block,
            ..
        } = &mut **slot;
        // SAFETY: these are the buffers that the request was started with.
        let result = unsafe {
            match transfer {
                Transfer::Read => self
                    .device
                    .complete_read_blocks(token, request, block, response),
                Transfer::Write => self
                    .device
                    .complete_write_blocks(token, request, block, response),
            }
        };
        Some((index, result.is_ok()))
    }

    /// Carries one out in slot 0, while nothing else is in flight. Returns whether it succeeded.
    pub fn transfer(&mut self, gic: &Gic, transfer: Transfer, number: u64) -> bool {
        if !self.start(0, transfer, number) {
            return false;
        }
        loop {
            if let Some((_, succeeded)) = self.complete() {
                return succeeded;
            }
            processor::wait_for_interrupt();
            while let Some(interrupt) = gic.acknowledge() {
                self.acknowledge_interrupt();
                gic.end(interrupt);
            }
        }
    }

    /// Takes the device's interrupt back.
    pub fn acknowledge_interrupt(&mut self) {
        self.device.ack_interrupt();
    }
}
