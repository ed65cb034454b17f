// SPDX-License-Identifier: BSD-2-Clause
//! The load of `molt bench`: the first program of a Linux guest (`rdinit=`). It loads the disk's modules, measures
//! the rows that it is asked for, prints their results, and switches the machine off.
//!
//! Arguments, behind `--` on the kernel's command line: `requests=N` for each row, `rows=NAME,…` (all, where it is left
//! out), `seed=N` for the random offsets and the moment of the start. docs/performance.md describes the lines.
//! With the one argument `login` it only says that a login shell has started it (`tools/linux/src/login-on-hvc0`).
#![no_std]
#![no_main]

mod measure;
mod row;
mod settle;

use molt_guest::Wanted;
use molt_linux_system::{self as system, Arguments, File, O_DIRECT, O_RDWR, mark, say};
use row::ROWS;

#[unsafe(no_mangle)]
extern "C" fn program_start(stack: *const usize) -> ! {
    // Before anything else: how long it took to come here.
    let boot = system::now();
    // Ends a count that began with the power.
    mark::here::<{ mark::END }>();
    // SAFETY: this is what the entry passes.
    let mut arguments = unsafe { Arguments::new(stack) }.skip(1).peekable();
    if arguments.peek() == Some(&c"login") {
        say!("bench login ns={boot}");
    } else {
        say!("bench boot ns={boot}");
        let words = arguments.filter_map(|word| word.to_str().ok());
        if let Err(what) = run(&Wanted::read(words)) {
            say!("error: {what}");
        }
    }
    say!("done");
    system::power_off()
}

fn run(wanted: &Wanted) -> Result<(), &'static str> {
    settle::modules();
    let path = settle::device(c"/dev/vda").ok_or("there is no /dev/vda")?;
    let disk = File::open(path, O_RDWR | O_DIRECT).map_err(|_| "/dev/vda cannot be opened")?;
    let size = disk.size().map_err(|_| "/dev/vda has no size")? as u64;
    settle::random();
    settle::phase(wanted.seed);
    for row in ROWS.iter().filter(|row| wanted.has(row.name)) {
        measure::row(row, &disk, size, wanted).map_err(|_| "a system call of the load failed")?;
    }
    Ok(())
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    say!("error: {info}");
    system::power_off()
}
