// SPDX-License-Identifier: BSD-2-Clause
//! The program in the Linux guest: writes and checks files, and rings the doorbell.
//!
//! `molt-linux-agent DIRECTORY REG ROUNDS BUNDLE…`: files go to DIRECTORY; REG is the doorbell's `reg` in the
//! device tree; at least ROUNDS steps are made, and so many between the updates; each BUNDLE is rung for in turn.
#![no_std]
#![no_main]

mod doorbell;
mod files;

use core::ffi::CStr;

use doorbell::Mapped;
use files::Files;
use molt_guest::{Conduct, Ring};
use molt_linux_system::{self as system, Arguments, File, O_RDONLY, say};

#[unsafe(no_mangle)]
extern "C" fn program_start(stack: *const usize) -> ! {
    // SAFETY: this is what the entry passes.
    let mut arguments = unsafe { Arguments::new(stack) }.skip(1);
    let mut text = || arguments.next().unwrap_or(c"");
    let (directory, reg, rounds) = (text(), text(), text());
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
    mut bundles: impl Iterator<Item = &'static CStr>,
) {
    let mut files = Files::new(directory);
    let start = system::now();
    let mut due = rounds;
    let mut bundles_left = true;
    while bundles_left || ring.under_way() || files.rounds < rounds {
        files.step();
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
        "result requests={} errors={} bytes_verified={} seconds={}",
        files.rounds,
        files.errors,
        files.bytes_verified,
        (system::now() - start) / 1_000_000_000
    );
}

fn offer(ring: &mut Ring<Mapped>, path: &CStr) {
    match File::open(path, O_RDONLY).and_then(|file| file.contents()) {
        Ok(bundle) => ring.offer(path.to_str().unwrap_or("bundle"), bundle),
        Err(error) => say!("error: {path:?} cannot be read: {error:?}"),
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    say!("error: {info}");
    system::exit(1)
}
