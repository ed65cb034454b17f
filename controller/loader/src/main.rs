// SPDX-License-Identifier: BSD-2-Clause
//! The controller's boot loader: decides which bank's image runs, copies it to memory and enters it. Without one that can be run
//! it stays, and takes one on the line.
#![no_std]
#![no_main]

use core::fmt::Write;

use cortex_m_rt as _;
use molt_ast1030::{Machine, Parts, reset, serve};
use molt_controller_banks::{Run, layout, start};
use molt_controller_service::{Sensors, Service};
use molt_firmware::{PREFIX, PublicKey, Refusal};

/// What an application has before it is running, in microseconds. It has to restart the watchdog in this time ever after.
const PATIENCE: u32 = 2_000_000;

molt_ast1030::entry!(main);

fn main(mut machine: Machine) -> ! {
    machine.watchdog.start(PATIENCE);
    let Some(key) = PublicKey::from_bytes(&include!(concat!(env!("OUT_DIR"), "/key.rs"))) else {
        let _ = writeln!(machine.console, "loader: it was built without a public key");
        wait(machine)
    };
    let Ok(start) = start(&mut machine.flash, &key) else {
        let _ = writeln!(machine.console, "loader: the flash cannot be read");
        reset()
    };
    if let Some(run) = start.run {
        let _ = writeln!(
            machine.console,
            "loader: start {}: bank {}, version {}, {}{}",
            start.boots,
            run.bank,
            run.header.version,
            run.header.digest(),
            if run.trial { ", on trial" } else { "" }
        );
        enter(&mut machine, &run);
        let _ = writeln!(machine.console, "loader: the image cannot be entered");
        reset()
    }
    let _ = writeln!(
        machine.console,
        "loader: start {}: no image can be run; waiting for one",
        start.boots
    );
    let Ok(service) = Service::new(machine.flash, key, &start) else {
        reset()
    };
    let parts = Parts {
        line: machine.line,
        clock: machine.clock,
        watchdog: machine.watchdog,
    };
    serve(parts, service, |_| NoSensors)
}

/// Returns only if it cannot be entered.
fn enter(machine: &mut Machine, run: &Run) {
    let Some(bank) = layout::bank(run.bank) else {
        return;
    };
    machine.watchdog.start(PATIENCE);
    let header = &run.header;
    let _ = machine.enter(bank + PREFIX as u32, header.length, header.entry);
}

/// There is nothing to do, ever.
fn wait(mut machine: Machine) -> ! {
    loop {
        molt_ast1030::wake();
        machine.watchdog.restart();
        molt_ast1030::sleep();
    }
}

/// There are no sensors without firmware.
struct NoSensors;

impl Sensors for NoSensors {
    fn read(&mut self, _: u8) -> Result<i64, Refusal> {
        Err(Refusal::NoFirmware)
    }
}
