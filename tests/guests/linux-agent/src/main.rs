// SPDX-License-Identifier: BSD-2-Clause
//! The program in the Linux guest: writes and checks files, and rings the doorbell.
//!
//! `molt-linux-agent DIRECTORY REG ROUNDS ENTROPY BUNDLE…`: files go to DIRECTORY; REG is the doorbell's `reg` in the
//! device tree; at least ROUNDS steps are made, and so many between the updates; ENTROPY is a file of random bytes, some of which
//! each step reads (`-`: none does); each BUNDLE is rung for in turn, for the component in its name
//! (`…component-N…`).
#![no_std]
#![no_main]

mod doorbell;
mod entropy;
mod files;

use core::ffi::CStr;

use doorbell::Mapped;
use entropy::Entropy;
use files::Files;
use molt_guest::{Conduct, Ring};
use molt_linux_system::{self as system, Arguments, File, O_RDONLY, say};

#[unsafe(no_mangle)]
extern "C" fn program_start(stack: *const usize) -> ! {
    // SAFETY: this is what the entry passes.
    let mut arguments = unsafe { Arguments::new(stack) }.skip(1);
    let mut text = || arguments.next().unwrap_or(c"");
    let (directory, reg, rounds, entropy) = (text(), text(), text(), text());
    let rounds = rounds
        .to_str()
        .ok()
        .and_then(|r| r.parse().ok())
        .unwrap_or(8);
    match Mapped::open(reg) {
        Ok(doorbell) => run(
            directory.to_str().unwrap_or("/"),
            Ring::new(doorbell, 0, Conduct::Orderly),
            rounds,
            Entropy::open(entropy),
            arguments,
        ),
        Err(error) => say!("error: the doorbell at {reg:?} cannot be mapped: {error:?}"),
    }
    system::exit(0)
}

fn run(
    directory: &'static str,
    mut ring: Ring<Mapped>,
    rounds: u64,
    mut entropy: Entropy,
    mut bundles: impl Iterator<Item = &'static CStr>,
) {
    let mut files = Files::new(directory);
    let start = system::now();
    let mut due = rounds;
    let mut bundles_left = true;
    while bundles_left || ring.under_way() || files.rounds < rounds {
        files.step();
        entropy.step();
        ring.look();
        if bundles_left && !ring.under_way() && files.rounds >= due {
            due = files.rounds + rounds;
            match bundles.next() {
                Some(path) => offer(&mut ring, path),
                None => bundles_left = false,
            }
        }
    }
    files.check_all();
    say!(
        "result requests={} errors={} bytes_verified={} random_bytes={} seconds={}",
        files.rounds,
        files.errors + entropy.errors,
        files.bytes_verified,
        entropy.bytes,
        (system::now() - start) / 1_000_000_000
    );
}

fn offer(ring: &mut Ring<Mapped>, path: &CStr) {
    match File::open(path, O_RDONLY).and_then(|file| file.contents()) {
        Ok(bundle) => {
            let name = path.to_str().unwrap_or("bundle");
            ring.set_component(component(name));
            ring.offer(name, bundle);
        }
        Err(error) => say!("error: {path:?} cannot be read: {error:?}"),
    }
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
