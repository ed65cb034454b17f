// SPDX-License-Identifier: BSD-2-Clause
//! The PD of the driver for virtio network cards, with the switch behind the card: one generation of the component.
#![no_std]
#![no_main]

use molt_clock::Frequency;
use molt_fault::Faults;
use molt_generation::brief::Hardware;
use molt_generation::{Generation, brief};
use molt_net::{Packet, Server};
use molt_virtio_net::{Client, Driver, Nic, Region, Share};
use sel4_microkit::{Handler, protection_domain};

/// The version. The images also differ in [`BATCH`], the number of frames that are passed on at a time.
const VERSION: u64 = if cfg!(feature = "v2") { 2 } else { 1 };
const BATCH: u32 = if cfg!(feature = "v2") { 128 } else { 32 };

// The driver's tables take some 20 KiB, and are moved while it is made.
#[protection_domain(stack_size = 0x4_0000)]
fn init() -> impl Handler {
    molt_fault::at_start();
    let faults = Faults::<Packet>::default();
    Generation::start(molt_brief::get(), VERSION, faults, |brief, generation| {
        let (words, physical) = brief::ring(brief);
        let Hardware {
            registers,
            configuration,
        } = brief::hardware(brief);
        let ring = Region::new(words, physical);
        let device = Nic::start(registers, configuration.as_ref(), ring)?;
        let mut driver = Driver::new(device, BATCH, seconds);
        for client in brief.clients() {
            let region = brief::queue(client);
            let queue = Server::new(region, generation);
            let share = Share::from_words(client.share);
            driver.attach(Client::new(queue, region, client.queue_paddr, share))?;
        }
        Ok(driver)
    })
}

/// Since the machine's start.
fn seconds() -> u64 {
    molt_clock::now().0 / Frequency::of_this_machine().hz()
}
