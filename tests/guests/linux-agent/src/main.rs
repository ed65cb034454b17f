// SPDX-License-Identifier: BSD-2-Clause
//! The program in the Linux guest: writes and checks files, and has `molt-guest` offer bundles meanwhile.
//!
//! `molt-linux-agent DIRECTORY ROUNDS ENTROPY SENSORS BUNDLE…`: files go to DIRECTORY; at least ROUNDS steps are made, and so
//! many between the updates; ENTROPY is a file of random bytes, some of which each step reads (`-`: none does), and SENSORS the
//! port of a controller's sensors, in the same way; each BUNDLE is offered in turn, for the component in its name
//! (`…component-N…`).
#![no_std]
#![no_main]

mod entropy;
mod files;
mod sensors;

use core::ffi::CStr;
use core::fmt::Write;

use entropy::Entropy;
use files::Files;
use molt_linux_system::{self as system, Arguments, Child, say};
use sensors::Sensors;

/// What offers bundles.
const PROGRAM: &CStr = c"/bin/molt-guest";

#[unsafe(no_mangle)]
extern "C" fn program_start(stack: *const usize) -> ! {
    // SAFETY: this is what the entry passes.
    let mut arguments = unsafe { Arguments::new(stack) }.skip(1);
    let mut text = || arguments.next().unwrap_or(c"");
    let (directory, rounds, entropy, sensors) = (text(), text(), text(), text());
    let rounds = rounds
        .to_str()
        .ok()
        .and_then(|r| r.parse().ok())
        .unwrap_or(8);
    let directory = directory.to_str().unwrap_or("/");
    let devices = (Entropy::open(entropy), Sensors::open(sensors));
    run(directory, rounds, devices, arguments);
    system::exit(0)
}

fn run(
    directory: &'static str,
    rounds: u64,
    (mut entropy, mut sensors): (Entropy, Sensors),
    mut bundles: impl Iterator<Item = &'static CStr>,
) {
    let mut files = Files::new(directory);
    let start = system::now();
    let mut due = rounds;
    let mut bundles_left = true;
    let mut update: Option<Child> = None;
    while bundles_left || update.is_some() || files.rounds < rounds {
        files.step();
        entropy.step();
        sensors.step();
        if update.as_ref().is_some_and(has_ended) {
            update = None;
        }
        if bundles_left && update.is_none() && files.rounds >= due {
            due = files.rounds + rounds;
            match bundles.next() {
                Some(path) => update = offer(path),
                None => bundles_left = false,
            }
        }
    }
    files.check_all();
    sensors.report();
    say!(
        "result requests={} errors={} bytes_verified={} random_bytes={} seconds={}",
        files.rounds,
        files.errors + entropy.errors,
        files.bytes_verified,
        entropy.bytes,
        (system::now() - start) / 1_000_000_000
    );
}

/// Has the bundle offered, confirmed and followed to its end.
fn offer(path: &CStr) -> Option<Child> {
    let mut device = heapless::String::<16>::new();
    // A number has at most ten digits.
    let _ = write!(device, "{}\0", component(path.to_str().unwrap_or("")));
    let device = CStr::from_bytes_until_nul(device.as_bytes()).unwrap_or(c"0");
    let child = Child::start(PROGRAM, &[c"offer", path, c"--device", device]);
    child
        .inspect_err(|error| say!("error: {PROGRAM:?} cannot be started: {error:?}"))
        .ok()
}

/// Whether the program has ended, whose output says how the update did. It is an error of ours if it could not do its work.
fn has_ended(update: &Child) -> bool {
    match update.ended() {
        Ok(None) => return false,
        Ok(Some(code @ (1 | 2 | 7..))) => say!("error: {PROGRAM:?} ended with {code}"),
        Ok(Some(code)) => say!("offered code={code}"),
        Err(error) => say!("error: {PROGRAM:?} is not to be waited for: {error:?}"),
    }
    true
}

/// The number behind `component-` in a bundle's name; 0 without.
fn component(name: &str) -> u32 {
    let number = name.split_once("component-").map_or("", |(_, rest)| rest);
    let end = number.find(|c: char| !c.is_ascii_digit());
    let digits = number.get(..end.unwrap_or(number.len()));
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    say!("error: {info}");
    system::exit(1)
}
