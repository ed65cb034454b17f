// SPDX-License-Identifier: BSD-2-Clause
//! One generation of a disk's driver as a protection domain, for any device. `molt-generation` runs the generation; a
//! driver's own program only calls [`start`].
#![no_std]
#![forbid(unsafe_code)]

use molt_block::{Client, Device, Driver, Error, Ring, Share};
use molt_block_queue::{Request, Server};
use molt_fault::Faults;
use molt_generation::brief::Hardware;
use molt_generation::{Generation, brief};
use molt_system::{DriverBrief, DriverClient};

/// What distinguishes the images of one driver.
#[derive(Clone, Copy, Debug)]
pub struct Image {
    /// The version that is reported to `update`.
    pub version: u64,
    /// The number of requests after which the device is notified.
    pub batch: u32,
}

/// A disk's driver as a protection domain.
pub type Disk<D> = Generation<Driver<'static, D>, Faults<Request>>;

/// Starts the generation: `open` gets the device and the ring memory, and starts the device from reset.
///
/// # Panics
/// If there is no brief: the image was not made by the tool that belongs to this program.
pub fn start<D: Device>(
    image: Image,
    open: impl FnOnce(Hardware, Ring<'static>) -> Result<D, D::Error>,
) -> Disk<D> {
    molt_fault::at_start();
    Generation::start(
        molt_brief::get(),
        image.version,
        Faults::default(),
        |brief, generation| {
            let (words, physical) = brief::ring(brief);
            let device = open(brief::hardware(brief), Ring { words, physical })?;
            with_clients(device, brief, image, generation)
        },
    )
}

/// The driver of the device, with all clients.
fn with_clients<D: Device>(
    device: D,
    brief: &'static DriverBrief,
    image: Image,
    generation: u64,
) -> Result<Driver<'static, D>, Error<D::Error>> {
    let mut driver = Driver::new(device, image.batch);
    for client in brief.clients() {
        let queue = Server::new(brief::queue(client), generation);
        driver.attach(Client::new(queue, share(client)))?;
    }
    Ok(driver)
}

/// What a client may reach.
fn share(client: &DriverClient) -> Share {
    let [first_sector, sectors, ..] = client.share;
    Share {
        first_sector,
        sectors,
        memory: client.memory_paddr,
        memory_size: client.memory_size,
        queue: client.queue_paddr,
        queue_size: match client.queue_paddr {
            0 => 0,
            _ => client.queue_words * 8,
        },
    }
}
