// SPDX-License-Identifier: BSD-2-Clause
//! Channels: a PD may call only PDs of higher priority. Both ends may be in one PD, which then notifies itself.

use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::System;

pub fn check(system: &System) -> Result<(), Broken> {
    for channel in &system.channels {
        let [a, b] = &channel.ends;
        if a.pp && b.pp {
            return broken(&channel.span, Rule::ChannelBothCall);
        }
        for (caller, called) in [(a, b), (b, a)] {
            let (from, to) = (
                &system.domains[caller.domain],
                &system.domains[called.domain],
            );
            let (low, high) = (from.schedule.priority, to.schedule.priority);
            if caller.pp && low >= high {
                return broken(
                    &caller.span,
                    Rule::ChannelPriority(from.name.clone(), low, to.name.clone(), high),
                );
            }
            if caller.pp && to.replaceable.is_some() {
                // A caller whose callee dies with the reply object becomes inactive for ever, without a fault.
                return broken(
                    &caller.span,
                    Rule::Replaceable(to.name.clone(), "nobody may call into it"),
                );
            }
        }
    }
    Ok(())
}
