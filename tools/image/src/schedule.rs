// SPDX-License-Identifier: BSD-2-Clause
//! The domain schedule, within the limits of the kernel's configuration and in its unit.

use crate::Error;
use crate::layout::Layout;
use molt_sdf::Rule;
use molt_sdf::model::{self, At, Duration};
use molt_sdk::Arch;
use molt_system::boot::ScheduleEntry;

/// The kernel keeps durations in 56 bits.
const LONGEST: u64 = (1 << 56) - 1;
const US_PER_SECOND: u128 = 1_000_000;

/// Lays out the schedule of `<domains>`, if the system has it.
pub fn lay_out(layout: &mut Layout) -> Result<(), Error> {
    let Some(schedule) = &layout.system.domain_schedule else {
        return Ok(());
    };
    if let Some(why) = layout.configuration.without_domain_scheduler() {
        return Err(layout.broken(&schedule.span, Rule::NoDomainScheduler(why)));
    }
    let number = |key| {
        let number = layout.configuration.tables.number(key);
        number.map_err(molt_sdk::Error::Tables)
    };
    let domains = number("NUM_DOMAINS")?;
    // The kernel's last entry always ends the schedule.
    let entries = number("NUM_DOMAIN_SCHEDULES")?.saturating_sub(1);
    // On x86_64 the kernel's timer is the time stamp counter, whose frequency the kernel measures at its start.
    let frequency = match layout.configuration.arch() {
        Arch::Aarch64 => Some(number("TIMER_FREQUENCY")?),
        Arch::X86_64 => None,
    };

    if let Some(extra) = schedule.domains.get(domains as usize) {
        let rule = Rule::TooMany("scheduling domains", domains as usize);
        return Err(layout.broken(&extra.id.span, rule));
    }
    if let Some(domain) = schedule.domains.iter().find(|d| d.id.value >= domains) {
        let rule = Rule::Bounds("the id", 0, domains.saturating_sub(1));
        return Err(layout.broken(&domain.id.span, rule));
    }
    let used = schedule.entries.len() as u64;
    if used > entries {
        let rule = Rule::TooMany("entries of the domain schedule", entries as usize);
        return Err(layout.broken(&schedule.span, rule));
    }
    let shift = &schedule.shift;
    if shift.value > entries - used {
        let rule = Rule::Bounds("the index_shift", 0, entries - used);
        return Err(layout.broken(&shift.span, rule));
    }
    let mut rows = Vec::new();
    for (entry, index) in schedule.entries.iter().zip(shift.value..) {
        let mut row = ScheduleEntry {
            index: index as u32,
            ..ScheduleEntry::default()
        };
        if let model::ScheduleEntry::Run { domain, duration } = entry {
            row.domain = *domain as u32;
            match (duration.value, frequency) {
                (Duration::Us(us), None) => row.us = us,
                (_, frequency) => row.ticks = ticks(layout, duration, frequency.unwrap_or(0))?,
            }
        }
        rows.push(row);
    }
    layout.b.domain_schedule = rows;
    layout.b.domain_start = shift.value + schedule.start;
    Ok(())
}

/// A duration in ticks of a timer of `frequency` Hz, to the nearest.
fn ticks(layout: &Layout, duration: &At<Duration>, frequency: u64) -> Result<u64, Error> {
    let ticks = match duration.value {
        Duration::Ticks(ticks) => ticks.into(),
        Duration::Us(us) => {
            (u128::from(us) * u128::from(frequency) + US_PER_SECOND / 2) / US_PER_SECOND
        }
    };
    match u64::try_from(ticks) {
        Ok(ticks @ 1..=LONGEST) => Ok(ticks),
        _ => Err(layout.broken(
            &duration.span,
            Rule::Bounds("the duration in ticks of the kernel's timer", 1, LONGEST),
        )),
    }
}
