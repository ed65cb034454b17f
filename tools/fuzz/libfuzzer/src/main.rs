// SPDX-License-Identifier: BSD-2-Clause
//! One program for all targets; `MOLT_FUZZ` names the one that is run.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static RUN: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("MOLT_FUZZ").expect("MOLT_FUZZ names a target");
    let target = molt_fuzz::target(&name).expect("there is such a target");
    target.run
});

fuzz_target!(|bytes: &[u8]| RUN(bytes));
