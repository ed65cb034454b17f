// SPDX-License-Identifier: BSD-2-Clause
//! The PD of the driver for virtio entropy devices: one generation of the component.
#![no_std]
#![no_main]

use molt_entropy_queue::{Request, Server};
use molt_fault::Faults;
use molt_generation::brief::Hardware;
use molt_generation::{Generation, brief};
use molt_virtio_rng::{Client, Driver, Region, Rng};
use sel4_microkit::{Handler, protection_domain};

/// The version. The images also differ in [`DEPTH`], the number of requests that the device has at a time.
const VERSION: u64 = if cfg!(feature = "v2") { 2 } else { 1 };
const DEPTH: usize = if cfg!(feature = "v2") { 16 } else { 4 };

#[protection_domain(stack_size = 0x1_0000)]
fn init() -> impl Handler {
    molt_fault::at_start();
    let faults = Faults::<Request>::default();
    Generation::start(molt_brief::get(), VERSION, faults, |brief, generation| {
        let (words, physical) = brief::ring(brief);
        let Hardware {
            registers,
            configuration,
        } = brief::hardware(brief);
        let ring = Region::new(words, physical);
        let device = Rng::start(registers, configuration.as_ref(), ring)?;
        let mut driver = Driver::new(device, DEPTH);
        for client in brief.clients() {
            let queue = Server::new(brief::queue(client), generation);
            let memory = (client.memory_paddr, client.memory_size);
            driver.attach(Client::new(queue, memory))?;
        }
        Ok(driver)
    })
}
