// SPDX-License-Identifier: BSD-2-Clause
//! The smallest PD with a brief: it prints its name through `serial`, then reads an address that it does not map, so that
//! `monitor` reports a fault.
#![no_std]
#![no_main]

use molt_system::VmmBrief;
use molt_trace::ring::Writer;
use sel4_microkit::{Channel, Handler, NullHandler, protection_domain, var};

/// Nothing is mapped here.
const NOWHERE: usize = 0x7000_0000;

#[protection_domain]
fn init() -> impl Handler {
    let (address, size) = (
        *var!(molt_brief: usize = 0),
        *var!(molt_brief_size: usize = 0),
    );
    // SAFETY: the tool has mapped the brief here, read only.
    let bytes = unsafe { molt_shared::bytes(address, size) };
    if let Ok(brief) = molt_system::brief::<VmmBrief>(bytes) {
        // SAFETY: the tool has mapped the ring here; this is its only writer.
        let words =
            unsafe { molt_shared::words(brief.log.vaddr as usize, brief.log.size as usize) };
        let mut writer = Writer::new(words);
        if writer.line("hello") {
            Channel::new(brief.log.channel as usize).notify();
        }
    }
    // SAFETY: nothing is read: the access faults, which is what this test is about.
    unsafe { core::ptr::with_exposed_provenance::<u8>(NOWHERE).read_volatile() };
    NullHandler::new()
}
