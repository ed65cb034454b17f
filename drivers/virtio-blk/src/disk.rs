// SPDX-License-Identifier: BSD-2-Clause
//! A virtio-blk device that has been started.

use molt_block::{Command, Device, Limits, Ring};
use molt_block_queue::Status;
use molt_shared::Mmio;

use crate::config::Config;
use crate::error::Error;
use crate::registers::{self, Features, INTERRUPT_ACK, INTERRUPT_STATUS, QUEUE_NOTIFY, STATUS};
use crate::ring::Queue;
use crate::transport;

/// One virtio-blk device.
#[derive(Debug)]
pub struct Disk<'a, R> {
    registers: R,
    features: Features,
    config: Config,
    limits: Limits,
    queue: Queue<'a>,
}

impl<'a, R: Mmio> Disk<'a, R> {
    /// Starts the device from reset, with the queue in `ring`, whose contents do not matter.
    ///
    /// # Errors
    /// What is wrong with the device or the memory ([`Error`]).
    pub fn start(registers: R, ring: Ring<'a>) -> Result<Self, Error> {
        let (features, config) = transport::negotiate(&registers)?;
        if config.seg_max == 0 {
            return Err(Error::Segments(config.seg_max));
        }
        let max = transport::queue_size(&registers)?;
        let queue = Queue::new(ring, max, features.contains(Features::INDIRECT))?;
        transport::go(&registers, queue.size().into(), &queue.addresses())?;
        let limits = Limits {
            capacity: config.capacity,
            block_size: config.block_size,
            read_only: features.contains(Features::RO),
            // A device without the feature has no write cache (5.2.5.2).
            flush: features.contains(Features::FLUSH),
            max_sectors: u32::MAX,
            max_segment: config.size_max,
            max_segments: config.seg_max.min(queue.max_segments()),
            alignment: 1,
            memory_end: u64::MAX,
            max_discard_sectors: config.max_discard_sectors,
            max_write_zeroes_sectors: config.max_write_zeroes_sectors,
        };
        Ok(Self {
            registers,
            features,
            config,
            limits,
            queue,
        })
    }

    /// The device's configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The features that were negotiated.
    pub fn features(&self) -> Features {
        self.features
    }
}

impl<R: Mmio> Device for Disk<'_, R> {
    type Error = Error;

    fn limits(&self) -> Option<&Limits> {
        Some(&self.limits)
    }

    fn has_room(&self) -> bool {
        self.queue.has_room()
    }

    fn in_flight(&self) -> usize {
        self.queue.with_device()
    }

    fn submit(&mut self, command: &Command) -> Option<usize> {
        self.queue.add(command)
    }

    fn tell(&mut self) {
        self.queue.publish();
        self.registers.write(QUEUE_NOTIFY, 0);
    }

    fn disarm(&mut self) {
        self.queue.disarm();
    }

    fn arm(&mut self) -> bool {
        self.queue.arm()
    }

    fn interrupt(&mut self) -> Result<(), Error> {
        let pending = self.registers.read(INTERRUPT_STATUS);
        if pending != 0 {
            self.registers.write(INTERRUPT_ACK, pending);
        }
        // Bit 1: the configuration changed. The device reports a failure in this way too (2.1.2).
        if pending & 2 != 0 && self.registers.read(STATUS) & registers::status::NEEDS_RESET != 0 {
            return Err(Error::NeedsReset);
        }
        Ok(())
    }

    fn done(&mut self) -> Result<Option<(usize, Status)>, Error> {
        self.queue.next_used()
    }

    fn stop(&mut self) -> Result<(), Error> {
        transport::reset(&self.registers)
    }
}
