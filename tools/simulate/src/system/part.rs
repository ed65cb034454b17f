// SPDX-License-Identifier: BSD-2-Clause
//! What the simulation itself knows of one component of the system.

use molt_update::{Barrier, Phase};

use crate::driver::Driver;

/// Everything that the rules' answer depends on: while it is the same, so is the answer.
#[derive(Clone, Copy, PartialEq)]
pub struct Seen {
    /// Invocations of the kernel so far.
    pub calls: u64,
    pub phase: Phase,
    pub holder: Option<u64>,
    /// Where the books have the holder: its TCB.
    pub place: Option<u32>,
    /// Slots in use, as the books have it.
    pub books: u32,
    /// The operator has frozen it.
    pub frozen: bool,
}

/// A component.
#[derive(Default)]
pub struct Part {
    pub driver: Option<Driver>,
    /// Something was done that the requests of honest clients need not survive.
    pub spoilt: bool,
    /// What the rules were checked on last.
    pub looked: Option<Seen>,
    /// Since when an update waits for clients that defer it.
    pub deferred: Option<u64>,
    /// How often the generation that runs was made to crash or hang.
    pub crashes: u8,
    /// Generations that did not run before they had to be ready.
    pub starved: u8,
    /// The generation that was committed last.
    pub committed: Option<u64>,
    /// The list of keys that was in force at the last look.
    pub keys: u64,
}

/// Whether an update in this phase is disturbing clients, or has disturbed them.
pub const fn disturbs(phase: Phase) -> bool {
    matches!(
        phase,
        Phase::Closing { .. }
            | Phase::Stopping
            | Phase::AtBarrier(Barrier::Stopped | Barrier::Denied)
            | Phase::Starting
            | Phase::Probation
            | Phase::Keeping
    )
}

impl Part {
    /// Whether the generation that has the device is one that serves.
    pub fn serves(&self) -> bool {
        let driver = self.driver.as_ref();
        !self.spoilt && driver.is_some_and(|driver| driver.kind.serves())
    }
}
