// SPDX-License-Identifier: BSD-2-Clause
//! Updates that this guest defers, and when it lets one pass.

use core::ops::Range;

use molt_guest::{Doorbell, Ring};

/// Requests that it makes while an update waits for it, before it lets the update pass.
const MEANWHILE: u64 = 200;

/// What it does about updates.
pub struct Deferral {
    ms: u32,
    /// In these generations it says so, in each anew.
    during: Range<u32>,
    /// In this generation it lets the update pass.
    admits: Option<u32>,
    /// It says it again and again, for other times.
    insists: bool,
    /// The generation in which it has said it.
    said_in: Option<u32>,
    /// Its requests when it saw that an update waits for it.
    asked_at: Option<u64>,
}

impl Deferral {
    pub fn new(ms: u32, during: Range<u32>, admits: Option<u32>, insists: bool) -> Self {
        Self {
            ms,
            during,
            admits,
            insists,
            said_in: None,
            asked_at: None,
        }
    }

    /// After so many requests.
    pub fn look(&mut self, ring: &mut Ring<impl Doorbell>, requests: u64) {
        if self.insists {
            ring.defer(u32::MAX);
            ring.defer(self.ms);
            return;
        }
        let generation = ring.generation();
        if !self.during.contains(&generation) {
            if self.said_in.take().is_some() {
                ring.defer(0);
            }
            return;
        }
        if self.said_in != Some(generation) {
            // It is too late while the device is away: then it is said once more.
            self.said_in = ring.defer(self.ms).then_some(generation);
            self.asked_at = None;
        }
        if self.admits == Some(generation) && ring.is_waited_for() {
            let asked_at = *self.asked_at.get_or_insert(requests);
            if requests >= asked_at + MEANWHILE {
                ring.defer(0);
            }
        }
    }
}
