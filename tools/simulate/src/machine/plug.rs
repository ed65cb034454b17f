// SPDX-License-Identifier: BSD-2-Clause
//! When a guest with the technique `unplug` gives its disk up, and when it takes it again.

use crate::plan;
use crate::world::{Actor, World};

/// The longest time between two of these, in us.
const LONGEST: u64 = 80_000;

/// The guest's intentions.
#[derive(Default)]
pub struct Plug {
    /// It has given the disk up.
    pub out: bool,
    /// When it does the other thing.
    at: u64,
    /// How often it still does.
    left: u64,
}

impl Plug {
    /// A guest that begins with its disk.
    pub fn new(world: &mut World) -> Self {
        let mut plug = Self {
            out: false,
            at: 0,
            left: 2 + world.choices.below(8),
        };
        plug.wait(world);
        plug
    }

    /// Whether it is time.
    pub const fn is_due(&self, now: u64) -> bool {
        self.left > 0 && now >= self.at
    }

    /// It has given the disk up, or has taken it.
    pub fn turn(&mut self, world: &mut World) {
        self.out = !self.out;
        self.left -= 1;
        if self.left > 0 {
            self.wait(world);
        }
    }

    fn wait(&mut self, world: &mut World) {
        self.at = world.now + 1 + world.choices.below(LONGEST);
        world.timers.push((self.at, Actor::Client(plan::GUEST)));
    }
}
