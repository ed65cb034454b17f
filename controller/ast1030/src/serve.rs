// SPDX-License-Identifier: BSD-2-Clause
//! The loop of a program that serves the line.

use molt_controller_banks::Flash;
use molt_controller_service::{Sensors, Service};

use crate::{Clock, Uart, Watchdog, reset, sleep, wake};

/// Bytes that are taken from the line before something else is done.
const BURST: usize = 64;

/// The parts that the loop needs beside the flash.
#[derive(Debug)]
pub struct Parts {
    /// The line to the host.
    pub line: Uart,
    /// The time.
    pub clock: Clock,
    /// The watchdog, which was started.
    pub watchdog: Watchdog,
}

/// Serves the line until the controller is told to restart, and resets it then. `sensors` makes the sensors of a time, in
/// microseconds.
pub fn serve<S: Sensors>(
    mut parts: Parts,
    mut service: Service<impl Flash>,
    mut sensors: impl FnMut(u64) -> S,
) -> ! {
    let line = &mut parts.line;
    loop {
        wake();
        parts.watchdog.restart();
        let mut sensors = sensors(parts.clock.now());
        let mut idle = true;
        for byte in core::iter::from_fn(|| line.receive()).take(BURST) {
            idle = false;
            service.receive(byte, &mut sensors);
        }
        idle &= !service.step();
        while line.is_free()
            && let Some(byte) = service.transmit()
        {
            line.send(byte);
        }
        if service.restarts() && line.is_drained() {
            reset();
        }
        line.announce(service.sends());
        if idle {
            sleep();
        }
    }
}
