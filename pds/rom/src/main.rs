// SPDX-License-Identifier: BSD-2-Clause
//! The PD of the driver of a ROM: one generation of the component. It alone has the flash bank.
#![no_std]
#![no_main]

mod fault;

use fault::Faults;
use molt_brief::memory;
use molt_cfi_flash::Bank;
use molt_clock::Frequency;
use molt_generation::{Generation, brief};
use molt_rom_driver::{Driver, Failure};
use sel4_microkit::{Handler, protection_domain};

#[protection_domain(stack_size = 0x1_0000)]
fn init() -> impl Handler {
    let faults = Faults::default();
    // The version is the content's, which the flash says.
    Generation::start(molt_brief::get(), 0, faults, |brief, generation| {
        let bank = Bank::new(brief::registers(brief), brief.device_size, microseconds);
        let bank = bank.map_err(|_| Failure::NoFlash)?;
        let content = || memory(brief.ring.vaddr, brief.ring.size);
        let image = brief::firmware(brief);
        fault::in_copy(&content(), image);
        Driver::new(bank, image, content(), generation)
    })
}

/// The clock in us.
fn microseconds() -> u64 {
    Frequency::of_this_machine().ns(molt_clock::now()) / 1000
}
