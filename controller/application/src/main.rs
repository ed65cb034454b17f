// SPDX-License-Identifier: BSD-2-Clause
//! The controller's firmware: it measures temperatures and the fans' speeds, and serves the line.
#![no_std]
#![no_main]

mod sensors;

use core::fmt::Write;

use cortex_m_rt as _;
use molt_ast1030::{Machine, Parts, reset, serve};
use molt_controller_banks::started;
use molt_controller_service::Service;
use molt_firmware::PublicKey;
use sensors::Measured;

molt_ast1030::entry!(main);

fn main(mut machine: Machine) -> ! {
    if cfg!(feature = "fault-at-start") {
        panic!("as the feature fault-at-start says");
    }
    if cfg!(feature = "hangs") {
        loop {
            core::hint::spin_loop();
        }
    }
    let key = PublicKey::from_bytes(&include!(concat!(env!("OUT_DIR"), "/key.rs")));
    let (Some(key), Ok(start)) = (key, started(&mut machine.flash)) else {
        reset()
    };
    let Ok(service) = Service::new(machine.flash, key, &start) else {
        reset()
    };
    let _ = writeln!(machine.console, "firmware: version {}", sensors::VERSION);
    let parts = Parts {
        line: machine.line,
        clock: machine.clock,
        watchdog: machine.watchdog,
    };
    let boots = start.boots;
    serve(parts, service, |now| Measured { now, boots })
}
