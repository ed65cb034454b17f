// SPDX-License-Identifier: BSD-2-Clause
//! A bare-metal guest that writes, reads back and compares, reads a controller's sensors and a ROM
//! where it has any, and rings the doorbell when told to.
//!
//! Boot arguments: `guest=N` (its number, part of each block), `depth=N` requests in flight,
//! `blocks=N` to use, `requests=N` to make at the least, `component=N` to update, `every=N` requests
//! between the updates, `generation=N` to wait for and to make `every` requests with, `alive=N` milliseconds
//! between two signs of life (none, where it is left out), `floods=N` offers to make in a row at its start, of as many bytes as
//! `flood_bytes=N`, without waiting for an answer, `defers=N` milliseconds for which it defers updates, in each generation anew
//! (`defers_from=N`, `defers_until=N`: in these generations), `admits=N`: the generation in which it lets one pass, `insists=1`: it says all the time that it defers them, `confirms=N` requests between an offer and its confirm,
//! `spoils=copied` or `spoils=verified`: writes over the staging region while the bundle in it is being copied, or when it
//! has been verified, `storms=computing`, `exits` or `interrupts`: keeps the processor to itself until there is generation N of `generation=N`, and then does its work, `resets=1`: resets itself in three ways before it does its work ([`lives`]),
//! `parts=1`: prints the times of its requests in each part of its updates, and nothing before, `processors=4`: has them send each other interrupts, before its work and meanwhile ([`processors`]). The initial RAM disk is an archive of bundles, rung for in the order in which they stand.
#![no_std]
#![no_main]

extern crate alloc;

mod alive;
mod clock;
mod console;
mod deferral;
mod disk;
mod doorbell;
mod histogram;
mod interrupts;
mod lives;
mod load;
mod machine;
mod memory;
mod processor;
mod processors;
mod rom;
mod sensors;
mod start;
mod storm;

use core::{ptr, slice};

use alive::Alive;
use clock::Clock;
use console::say;
use deferral::Deferral;
use disk::{Disk, Transfer};
use dtoolkit::fdt::Fdt;
use interrupts::Gic;
use lives::Ending;
use load::Load;
use machine::Machine;
use molt_guest::{Conduct, Part, Ring, pattern};
use rom::Rom;
use sensors::Sensors;
use storm::Storm;

/// The largest tree that the boot protocol allows (booting.rst, 2).
const TREE: usize = 2 << 20;

#[unsafe(no_mangle)]
extern "C" fn guest_main(tree: usize) -> ! {
    memory::init();
    // SAFETY: the boot protocol puts the device tree there; nobody writes it.
    let bytes = unsafe { slice::from_raw_parts(ptr::with_exposed_provenance(tree), TREE) };
    match Fdt::new(tree_of(bytes)).ok().and_then(Machine::read) {
        Some(machine) => run(&machine),
        None => say!("error: the device tree at {tree:#x} cannot be used"),
    }
    processor::system_off()
}

/// Cuts the tree to its own length, which follows the magic number.
fn tree_of(bytes: &[u8]) -> &[u8] {
    let length = match bytes.get(4..8) {
        Some([a, b, c, d]) => u32::from_be_bytes([*a, *b, *c, *d]) as usize,
        _ => 0,
    };
    bytes.get(..length).unwrap_or(bytes)
}

fn run(machine: &Machine<'_>) {
    console::set_base(machine.console);
    let (distributor, cpu) = machine.interrupt_controller;
    let gic = Gic::new(distributor, cpu);
    let depth = machine.number("depth").unwrap_or(8).clamp(1, 16) as usize;
    let Some(device) = machine.disk else {
        say!("error: there is no disk");
        return;
    };
    let Some(mut disk) = Disk::new(device, depth) else {
        say!("error: the disk does not start");
        return;
    };
    gic.enable(device.interrupt);
    let processors = machine.number("processors").unwrap_or(1) as usize;
    if processors > 1 {
        processors::begin(&gic, processors);
    }
    let ending = match machine.number("resets") {
        Some(1..) => lives::begin(&mut disk, &gic),
        _ => Ending::Done,
    };
    let measures = machine.number("parts").is_some();
    let mut ring = machine.doorbell.map(|doorbell| {
        let component = machine.number("component").unwrap_or(0) as u32;
        let mut ring = Ring::new(doorbell, component, conduct(machine, ending));
        ring.take_over();
        if measures {
            ring.be_silent();
        }
        ring
    });
    let mut sensors = machine.sensors.map(Sensors::new);
    let mut rom = machine.rom.map(Rom::new);
    let blocks = machine.number("blocks").unwrap_or(2048).min(disk.blocks());
    // QEMU's null disk, on which speed is measured, forgets; where a scenario asks for comparison, none is a failure.
    let verify = keeps(&mut disk, &gic);
    let mut load = Load::new(machine.number("guest").unwrap_or(0), depth, blocks, verify);
    let mut wanted = machine.number("requests").unwrap_or(10_000);
    let every = machine.number("every").unwrap_or(2_000);
    let confirms = machine.number("confirms").unwrap_or(0);
    let mut awaited = machine.number("generation").filter(|n| *n > 0);
    // SAFETY: the boot protocol puts the archive there; nobody writes it.
    let archive = unsafe {
        slice::from_raw_parts(
            ptr::with_exposed_provenance(machine.archive.start),
            machine.archive.len(),
        )
    };
    let mut bundles = cpio_reader::iter_files(archive).filter(|entry| !entry.file().is_empty());
    let mut due = every;
    let mut bundles_left = ring.is_some() && !archive.is_empty();
    let mut next_progress = if measures { u64::MAX } else { 5_000 };
    say!(
        "started blocks={blocks} depth={depth} verify={verify} doorbell={} archive={}",
        ring.is_some(),
        archive.len()
    );
    // Only here, where they are served: a line is high as long as nobody acknowledges it at the device, and the doorbell's can be from
    // the start, by what became of the offer of an earlier life.
    if let Some(doorbell) = &machine.doorbell {
        gic.enable(doorbell.device.interrupt);
    }
    if let Some(sensors) = &mut sensors {
        gic.enable(sensors.interrupt());
        sensors.begin();
    }
    let floods = machine.number("floods").unwrap_or(0);
    if let Some(ring) = ring.as_mut().filter(|_| floods > 0) {
        ring.flood(floods, machine.number("flood_bytes").unwrap_or(1) as u32);
    }
    if let Some(storm) = machine.argument("storms").and_then(Storm::named) {
        gic.enable(storm::INTERRUPT);
        let wanted = machine.number("generation").unwrap_or(0);
        let mut over = || {
            ring.as_mut()
                .is_none_or(|ring| u64::from(ring.generation()) >= wanted)
        };
        let rounds = storm.rage(&gic, &mut over);
        say!("storm={storm:?} rounds={rounds}");
    }
    let mut deferral = machine.number("defers").map(|ms| {
        let generation = |name| machine.number(name).map(|generation| generation as u32);
        let from = generation("defers_from").unwrap_or(0);
        let until = generation("defers_until").unwrap_or(u32::MAX);
        let insists = machine.number("insists").is_some();
        Deferral::new(ms as u32, from..until, generation("admits"), insists)
    });
    let mut clock = (machine.number("clock").unwrap_or(0) > 0).then(Clock::new);
    let mut alive = Alive::new(&gic, machine.number("alive").unwrap_or(0));
    loop {
        load.fill(&mut disk);
        let part = match ring.as_ref().map_or(Part::Other, Ring::part) {
            // The first half is left out: drivers and other guests start in it.
            Part::Before if load.requests() < every / 2 => Part::Other,
            part => part,
        };
        let some = load.drain(&mut disk, part);
        if let Some(rom) = &mut rom {
            rom.look();
        }
        if let (Some(deferral), Some(ring)) = (&mut deferral, &mut ring) {
            deferral.look(ring, load.requests());
        }
        if let Some(ring) = &mut ring {
            if bundles_left && !ring.under_way() && load.requests() >= due {
                due = load.requests() + every;
                match bundles.next() {
                    Some(bundle) => ring.offer(bundle.name(), bundle.file()),
                    None => bundles_left = false,
                }
            }
            ending.offer(ring.is_unconfirmed(), ring.preparing());
            // `due` is so many requests after the offer.
            if ring.is_unconfirmed() && load.requests() + every >= due + confirms {
                ring.confirm();
            }
            if awaited.is_some_and(|number| u64::from(ring.generation()) >= number) {
                awaited = None;
                wanted = wanted.max(load.requests() + every);
            }
        }
        let busy = ring.as_ref().is_some_and(Ring::under_way);
        if load.requests() >= wanted && !bundles_left && !busy && awaited.is_none() {
            load.close();
        }
        if load.finished() {
            break;
        }
        if load.requests() >= next_progress {
            next_progress = load.requests() + 5_000;
            load.report("progress");
        }
        if !some {
            processor::wait_for_interrupt();
        }
        if let Some(clock) = &mut clock {
            clock.look();
        }
        while let Some(interrupt) = gic.acknowledge() {
            if interrupt == device.interrupt {
                ending.in_interrupt(load.requests());
                disk.acknowledge_interrupt();
            } else if interrupt == alive::INTERRUPT {
                alive.expired();
            } else if let Some(sensors) = &mut sensors
                && interrupt == sensors.interrupt()
            {
                sensors.look();
            } else if let Some(ring) = &mut ring {
                // The disk first. A line about the doorbell is some 70 exits, which is longer than a blackout: with nothing asked for
                // until it was printed, one blackout in ten was measured with a line in it.
                load.drain(&mut disk, part);
                load.fill(&mut disk);
                ring.look();
            }
            gic.end(interrupt);
        }
    }
    if processors > 1 {
        processors::end();
    }
    load.report("result");
    if measures {
        load.report_parts(|part| part != Part::Preparing);
    }
    if let Some(clock) = &clock {
        say!("saw hidden-pauses={}", clock.moves());
    }
    if let Some(sensors) = &sensors {
        sensors.report();
    }
    if let Some(rom) = &rom {
        rom.report();
    }
    say!("done");
}

/// The conduct that the arguments select.
fn conduct(machine: &Machine<'_>, ending: Ending) -> Conduct {
    if ending == Ending::Offered {
        return Conduct::Waits;
    }
    match (machine.argument("spoils"), machine.number("confirms")) {
        (Some("copied"), _) => Conduct::SpoilsTheCopied,
        (Some("verified"), _) => Conduct::SpoilsTheVerified,
        (_, Some(_)) => Conduct::Waits,
        _ => Conduct::Orderly,
    }
}

/// Whether the disk returns what was written to it.
fn keeps(disk: &mut Disk, gic: &Gic) -> bool {
    if let Some(block) = disk.block(0) {
        pattern::fill(block, pattern::MARK, 0, pattern::MARK);
    }
    for transfer in [Transfer::Write, Transfer::Read] {
        if !disk.transfer(gic, transfer, 0) {
            return false;
        }
        if let (Transfer::Write, Some(block)) = (transfer, disk.block(0)) {
            block.fill(0);
        }
    }
    disk.block(0)
        .is_some_and(|block| pattern::is(block, pattern::MARK, 0, pattern::MARK))
}

#[unsafe(no_mangle)]
extern "C" fn guest_exception(syndrome: u64, at: u64, address: u64) -> ! {
    say!("error: exception {syndrome:#x} at {at:#x}, address {address:#x}");
    processor::system_off()
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    say!("error: {info}");
    processor::system_off()
}
