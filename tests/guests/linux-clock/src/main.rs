// SPDX-License-Identifier: BSD-2-Clause
//! A program in a Linux guest that watches the clock: `molt-linux-clock LIMIT STOP` reads `CLOCK_MONOTONIC` in a tight loop, on
//! each processor in turn, until there is a file STOP.
//!
//! It counts how often the clock has jumped by more than LIMIT milliseconds from one reading to the next, and how often a
//! watchdog has expired that it feeds after each reading and that waits for so long.
#![no_std]
#![no_main]

use core::ffi::CStr;

use molt_linux_system::{
    self as system, Arguments, Errno, File, O_RDONLY, Watchdog, monotonic, processors, run_on, say,
};

/// Readings on one processor before it is the next one's turn.
const READINGS: u32 = 2_000;

#[unsafe(no_mangle)]
extern "C" fn program_start(stack: *const usize) -> ! {
    // SAFETY: this is what the entry passes.
    let mut arguments = unsafe { Arguments::new(stack) }.skip(1);
    let limit = arguments
        .next()
        .and_then(|limit| limit.to_str().ok()?.parse().ok());
    let stop = arguments.next().unwrap_or(c"/stop");
    match limit {
        None => say!("error: molt-linux-clock without a limit in milliseconds"),
        Some(limit) => {
            if let Err(error) = watch(limit, stop) {
                say!("error: the clock cannot be watched: {error:?}");
            }
        }
    }
    system::exit(0)
}

/// Watches until there is a file `stop`, and prints what was seen.
fn watch(limit: u64, stop: &CStr) -> Result<(), Errno> {
    let limit = limit * 1_000_000;
    let all = processors()?;
    let watchdog = Watchdog::new(limit)?;
    let (mut jumps, mut largest, mut expired, mut rounds) = (0, 0, 0, 0_u64);
    watchdog.feed()?;
    let mut last = monotonic()?;
    while File::open(stop, O_RDONLY).is_err() {
        for processor in (0..u64::BITS).filter(|processor| all & 1 << processor != 0) {
            run_on(processor)?;
            for _ in 0..READINGS {
                let now = monotonic()?;
                let Some(jump) = now.checked_sub(last) else {
                    say!("error: the clock has gone back from {last} to {now} ns");
                    return Ok(());
                };
                last = now;
                largest = jump.max(largest);
                jumps += u64::from(jump > limit);
                expired += u64::from(watchdog.feed()?);
            }
        }
        rounds += 1;
    }
    say!(
        "clock processors={} rounds={rounds} largest_jump_us={}",
        all.count_ones(),
        largest / 1000
    );
    say!("saw clock-jumps={jumps} watchdog-expired={expired}");
    Ok(())
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    say!("error: {info}");
    system::exit(1)
}
