// SPDX-License-Identifier: BSD-2-Clause
//! `<domains>`: scheduling domains and their schedule. The kernel's configuration limits the number of both, so
//! `molt-image` checks it.

use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::{DomainSchedule, Duration, ScheduleEntry, SchedulingDomain};
use crate::value;
use crate::xml::{At, Element};
use std::collections::BTreeSet;

/// `<domains>`
pub fn parse(element: Element) -> Result<DomainSchedule, Broken> {
    element.attributes(&[])?;
    let children = element.children(&["domain", "domain_schedule"])?;
    let domains = declared(&children)?;
    let Some(schedule) = element.only("domain_schedule", &children)? else {
        return broken(&element.span(), Rule::NoDomainSchedule);
    };
    schedule.attributes(&["start_index", "index_shift"])?;
    let start = schedule.number_or("start_index", 0)?;
    let shift = schedule.number_or("index_shift", 0)?;
    let entries: Vec<_> = schedule
        .children(&["schedule_entry", "schedule_end_marker"])?
        .into_iter()
        .map(|child| entry(child, &domains))
        .collect::<Result<_, _>>()?;
    let at = |index: u64| usize::try_from(index).ok().and_then(|i| entries.get(i));
    if at(start.value).is_none() {
        let rule = Rule::ScheduleStart(start.value, entries.len());
        return broken(&start.span, rule);
    }
    // The kernel's own start is its entry 0 until another is set, so that neither may end the schedule.
    let starts = [
        Some(start.value),
        Some(0).filter(|_| shift.value == 0 && start.value != 0),
    ];
    for index in starts.into_iter().flatten() {
        if matches!(at(index), Some(ScheduleEntry::End)) {
            return broken(&start.span, Rule::ScheduleStartsAtEnd(index));
        }
    }
    Ok(DomainSchedule {
        span: element.span(),
        domains,
        entries,
        start: start.value,
        shift,
    })
}

/// A `<domain>` before it is known which numbers are free.
struct Declared {
    name: At<String>,
    id: Option<At<u64>>,
}

/// The `<domain>`s, each with a number.
fn declared(children: &[Element]) -> Result<Vec<SchedulingDomain>, Broken> {
    let mut all: Vec<Declared> = Vec::new();
    for child in children.iter().filter(|c| c.tag() == "domain") {
        child.attributes(&["name", "id"])?;
        child.children(&[])?;
        let (name, id) = (child.required("name")?, child.number("id")?);
        if all.iter().any(|d| d.name.value == name.value) {
            return broken(
                &name.span,
                Rule::DuplicateName("scheduling domain", name.value),
            );
        }
        if let Some(id) = &id {
            let same = |d: &&Declared| d.id.as_ref().is_some_and(|other| other.value == id.value);
            if let Some(other) = all.iter().find(same) {
                let rule = Rule::DuplicateDomainId(id.value, other.name.value.clone());
                return broken(&id.span, rule);
            }
        }
        all.push(Declared { name, id });
    }
    let given = all.iter().filter_map(|d| Some(d.id.as_ref()?.value));
    let given: BTreeSet<u64> = given.collect();
    let mut free = (0u64..).filter(|id| !given.contains(id));
    let number = |Declared { name, id }: Declared| SchedulingDomain {
        id: id.unwrap_or_else(|| At {
            // No text has as many elements as there are numbers.
            value: free.next().unwrap_or(u64::MAX),
            span: name.span,
        }),
        name: name.value,
    };
    Ok(all.into_iter().map(number).collect())
}

/// `<schedule_entry>` or `<schedule_end_marker>`
fn entry(element: Element, domains: &[SchedulingDomain]) -> Result<ScheduleEntry, Broken> {
    element.children(&[])?;
    if element.tag() == "schedule_end_marker" {
        element.attributes(&[])?;
        return Ok(ScheduleEntry::End);
    }
    element.attributes(&["domain", "duration"])?;
    Ok(ScheduleEntry::Run {
        domain: named(element.required("domain")?, domains)?,
        duration: element
            .required("duration")?
            .try_map(|text| duration(&text))?,
    })
}

/// The number of the domain of this name.
fn named(name: At<String>, domains: &[SchedulingDomain]) -> Result<u64, Broken> {
    match domains.iter().find(|d| d.name == name.value) {
        Some(domain) => Ok(domain.id.value),
        None => broken(&name.span, Rule::NoSchedulingDomain(name.value)),
    }
}

/// As in `1000 us`.
fn duration(text: &str) -> Result<Duration, Rule> {
    let parsed = text.split_once(' ').and_then(|(number, unit)| {
        let number = value::number(number).ok().filter(|number| *number > 0)?;
        match unit {
            "us" => Some(Duration::Us(number)),
            "ticks" => Some(Duration::Ticks(number)),
            _ => None,
        }
    });
    parsed.ok_or_else(|| Rule::Duration(text.to_owned()))
}

/// The scheduling domain of a PD. `schedule`: the `<domains>` before it, if there is one.
pub fn of(element: Element, schedule: Option<&DomainSchedule>) -> Result<Option<u64>, Broken> {
    match (schedule, element.text("domain")) {
        (Some(schedule), _) => named(element.required("domain")?, &schedule.domains).map(Some),
        (None, Some(name)) => broken(&name.span, Rule::NoSchedulingDomain(name.value)),
        (None, None) => Ok(None),
    }
}
