// SPDX-License-Identifier: BSD-2-Clause
//! A virtio-blk device that has been started.

use molt_block::{Command, Device, Limits, Ring};
use molt_block_queue::Status;
use molt_shared::Narrow;

use crate::config::Config;
use crate::error::Error;
use crate::registers::{self, Features};
use crate::ring::Queue;
use crate::transport::{self, Any, Transport};

/// One virtio-blk device.
#[derive(Debug)]
pub struct Disk<'a, R> {
    transport: Any<R>,
    features: Features,
    config: Config,
    limits: Limits,
    queue: Queue<'a>,
}

impl<'a, R: Narrow> Disk<'a, R> {
    /// Starts the device from reset, with the queue in `ring`, whose contents do not matter. `configuration`: the
    /// configuration space of the PCI function that it is; without one it is on virtio-mmio.
    ///
    /// # Errors
    /// What is wrong with the device or the memory ([`Error`]).
    pub fn start(registers: R, configuration: Option<&R>, ring: Ring<'a>) -> Result<Self, Error> {
        let transport = Any::of(registers, configuration)?;
        let (features, config) = transport::negotiate(&transport)?;
        if config.seg_max == 0 {
            return Err(Error::Segments(config.seg_max));
        }
        let max = transport::queue_size(&transport)?;
        let queue = Queue::new(ring, max, features.contains(Features::INDIRECT))?;
        transport::go(&transport, queue.size().into(), &queue.addresses())?;
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
            transport,
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

impl<R: Narrow> Device for Disk<'_, R> {
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
        self.transport.notify();
    }

    fn disarm(&mut self) {
        self.queue.disarm();
    }

    fn arm(&mut self) -> bool {
        self.queue.arm()
    }

    fn interrupt(&mut self) -> Result<(), Error> {
        // The device reports a failure as a change of the configuration (2.1.2).
        let changed = self.transport.interrupt();
        if changed && self.transport.status() & registers::status::NEEDS_RESET != 0 {
            return Err(Error::NeedsReset);
        }
        Ok(())
    }

    fn done(&mut self) -> Result<Option<(usize, Status)>, Error> {
        self.queue.next_used()
    }

    fn stop(&mut self) -> Result<(), Error> {
        transport::reset(&self.transport)
    }
}
