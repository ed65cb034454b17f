// SPDX-License-Identifier: BSD-2-Clause
//! The target suite: each kernel object and each syscall, in the manner of sel4test.
//!
//! It is a root task, the same binary on either kernel. On the console it prints for each test
//! lines `trace NAME: ...` (what the kernel answered: error codes, badges, fault words, order;
//! no address and no time), then `ok NAME` or `FAILED NAME: reason`, and at the end
//! `suite: N passed, N failed`. The traces recorded on the real kernel are what the embedded one
//! is held to. Lines `cost OPERATION: N` are no part of them: see `tests/cost.rs`.
#![no_std]
#![no_main]
#![cfg_attr(
    not(target_arch = "aarch64"),
    allow(
        dead_code,
        reason = "some is only for tests that only AArch64 has so far"
    )
)]

mod arch;
mod console;
mod env;
#[cfg(target_arch = "aarch64")]
mod guest;
#[cfg(target_arch = "x86_64")]
mod hpet;
#[cfg(target_arch = "aarch64")]
mod memory;
#[cfg(target_arch = "aarch64")]
mod snippets;
mod test;
mod tests;
mod thread;
#[cfg(target_arch = "aarch64")]
mod timer;
#[cfg(target_arch = "x86_64")]
use hpet as timer;

use console::println;
use env::Env;
use test::Test;

sel4_extra::root_task!(main = main, stack_size = 128 * 1024);

fn main(boot_info: &sel4::BootInfoPtr) -> ! {
    let mut env = Env::new(boot_info);
    println!("suite: start");
    let (mut passed, mut failed) = (0, 0);
    // At build time, to look at one test: the start of its name.
    let only = option_env!("MOLT_SUITE_ONLY").unwrap_or_default();
    for test in tests::ALL.iter().copied().flatten() {
        if !test.name.starts_with(only) {
            continue;
        }
        match run(&mut env, test) {
            Ok(()) => {
                println!("ok {}", test.name);
                passed += 1;
            }
            Err(failure) => {
                println!("FAILED {}: {failure}", test.name);
                failed += 1;
            }
        }
    }
    println!("suite: {passed} passed, {failed} failed");
    sel4::init_thread::suspend_self()
}

fn run(env: &mut Env, test: &Test) -> test::Outcome {
    env.begin(test.name);
    let outcome = (test.run)(env);
    let cleaned = env.end();
    outcome.and(cleaned)
}

#[cfg(target_os = "none")]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    println!("suite: panic: {info}");
    sel4::init_thread::suspend_self()
}
