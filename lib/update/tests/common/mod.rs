// SPDX-License-Identifier: BSD-2-Clause
//! The limits that the tests of the machine have in common.

use molt_update::{CLIENTS, Config};

/// Limits of a component without clients, a store, firmware or an operator; times in units of the test's own.
pub fn limits() -> Config {
    Config {
        clients: 0,
        slots: 3,
        offer: 50,
        approved: 0,
        approval: 90,
        stage: 70,
        quiesce: 30,
        stop: 20,
        ready: 40,
        probation: 80,
        probation_completions: 4,
        errors_allowed: 1,
        remember: None,
        keep: None,
        transfer: None,
        defer: [0; CLIENTS],
        consents: 0,
        beat: 30,
        attempts: 3,
        relapses: 5,
        settled: 800,
    }
}
