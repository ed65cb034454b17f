// SPDX-License-Identifier: BSD-2-Clause
//! The PD of the driver of a controller behind a virtio console: one generation of the component.
#![no_std]
#![no_main]

use molt_clock::Frequency;
use molt_controller_driver::{Client, Driver, Failure};
use molt_fault::Faults;
use molt_generation::brief::Hardware;
use molt_generation::{Generation, brief};
use molt_sensor_queue::{Request, Server};
use molt_virtio_console::{Console, Region};
use sel4_microkit::{Handler, protection_domain};

/// The version. The images also differ in [`DEPTH`], the number of sensors that are read at a time.
const VERSION: u64 = if cfg!(feature = "v2") { 2 } else { 1 };
const DEPTH: usize = if cfg!(feature = "v2") { 3 } else { 1 };

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
        let line =
            Console::start(registers, configuration.as_ref(), ring).map_err(Failure::Line)?;
        let mut driver = Driver::new(line, milliseconds, generation, brief::firmware(brief))?;
        driver.set_depth(DEPTH);
        for client in brief.clients() {
            driver.attach(Client::new(Server::new(brief::queue(client), generation)))?;
        }
        Ok(driver)
    })
}

/// The time, for the driver.
fn milliseconds() -> u64 {
    Frequency::of_this_machine().ns(molt_clock::now()) / 1_000_000
}
