// SPDX-License-Identifier: BSD-2-Clause
//! A virtio-blk device that has been started.

use molt_block::{Command, Device, Limits, Ring};
use molt_block_queue::Status;
use molt_shared::Narrow;
use molt_virtio::{Error, Transport};

use crate::config::Config;
use crate::registers::Features;
use crate::ring::Queue;

/// 5.2.1
const BLOCK_DEVICE: u32 = 2;
/// 5.2.2
const REQUESTS: u32 = 0;

/// One virtio-blk device.
#[derive(Debug)]
pub struct Disk<'a, R> {
    transport: Transport<R>,
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
        let all = Features::all().bits();
        let mut transport = Transport::negotiate(registers, configuration, BLOCK_DEVICE, |_| all)?;
        let features = Features::from_bits_truncate(transport.features());
        let config = transport.config(|word| Config::read(word, features))?;
        if config.seg_max == 0 {
            return Err(transport.fail(Error::Segments(config.seg_max)));
        }
        let max = transport.queue_size(REQUESTS)?;
        let queue = Queue::new(ring, max, features.contains(Features::INDIRECT))?;
        transport.enable(REQUESTS, queue.size(), queue.addresses())?;
        transport.go()?;
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
        self.transport.notify(REQUESTS);
    }

    fn disarm(&mut self) {
        self.queue.disarm();
    }

    fn arm(&mut self) -> bool {
        self.queue.arm()
    }

    fn interrupt(&mut self) -> Result<(), Error> {
        self.transport.interrupt().map(drop)
    }

    fn done(&mut self) -> Result<Option<(usize, Status)>, Error> {
        self.queue.next_used()
    }

    fn stop(&mut self) -> Result<(), Error> {
        self.transport.reset()
    }
}
