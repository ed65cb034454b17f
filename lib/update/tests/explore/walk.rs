// SPDX-License-Identifier: BSD-2-Clause
//! Two ways on from any state, each of which must come to an end.

use molt_update::{Event, Phase, Reason};

use crate::mutant::Mutant;
use crate::world::{DEFER, Device, KEEP, StageJob, TRANSFER, World, config};

/// Nobody answers any more, except that `update` finishes its own work. It must end, in a time that the deadlines bound.
pub fn silence(mutant: Mutant, world: &World) -> bool {
    let mut world = world.clone();
    let limits = config();
    let once = limits.offer
        + 3 * limits.stage
        + DEFER[1]
        + limits.quiesce
        + limits.stop
        + limits.ready
        + KEEP
        + 2 * TRANSFER
        + limits.probation
        + 3 * limits.beat;
    let mut left = once * (u64::from(limits.attempts) + 2);
    for _ in 0..200 {
        if world.broken.is_some() {
            return false;
        }
        if own_work(mutant, &mut world) {
            continue;
        }
        if world.at_rest() && matches!(world.machine.phase(), Phase::OutOfService(_)) {
            return true;
        }
        let Some(wait) = world.machine.deadline() else {
            return false;
        };
        let Some(rest) = left.checked_sub(wait) else {
            return false;
        };
        left = rest;
        world.give(mutant, wait, Event::Tick);
    }
    false
}

/// Everybody answers well and at once. It must end with the device served, unless it is out of service already or the
/// last thing before made it so.
pub fn kindness(mutant: Mutant, world: &World) -> bool {
    let mut world = world.clone();
    for _ in 0..200 {
        if world.broken.is_some() {
            return false;
        }
        if own_work(mutant, &mut world) {
            continue;
        }
        if let Some(event) = answer(&world) {
            world.give(mutant, 0, event);
            continue;
        }
        if world.at_rest() {
            return match world.machine.phase() {
                Phase::OutOfService(_) => true,
                _ => {
                    world.device == Device::Running
                        && world.holder.is_some_and(|h| h.ready && !h.suspended)
                }
            };
        }
        let Some(wait) = world.machine.deadline() else {
            return false;
        };
        world.give(mutant, wait, Event::Tick);
    }
    false
}

pub fn own_work(mutant: Mutant, world: &mut World) -> bool {
    let Some(arena) = world.clearing.iter().position(|c| *c) else {
        return false;
    };
    world.give(mutant, 0, Event::ArenaCleared(arena as u8));
    true
}

pub fn answer(world: &World) -> Option<Event> {
    match world.stage {
        Some(StageJob::Verify { .. }) => return Some(Event::StageFailed(Reason::Truncated)),
        Some(StageJob::Build) => return Some(Event::Built),
        None => {}
    }
    if world.keeps() && world.machine.phase() == Phase::Keeping {
        return Some(Event::Kept);
    }
    if world.device == Device::Stopping {
        return Some(Event::Stopped);
    }
    for client in 0..2 {
        if world.gates & 1 << client != 0 {
            return Some(Event::GateClosed(client));
        }
    }
    let holder = world.holder.filter(|h| !h.suspended)?;
    if !holder.ready {
        return Some(Event::Ready(holder.generation));
    }
    if world.transferring.is_some() && world.machine.phase() == Phase::Transferring {
        return Some(Event::Transferred(holder.generation));
    }
    if world.quiesce {
        return Some(Event::Quiesced(holder.generation));
    }
    if world.beat {
        return Some(Event::Beat(holder.generation));
    }
    (world.machine.phase() == Phase::Probation).then_some(Event::Health {
        generation: holder.generation,
        completions: 9,
        errors: 0,
        expected: 0,
        owed: 0,
    })
}
