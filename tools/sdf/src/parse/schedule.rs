// SPDX-License-Identifier: BSD-2-Clause
//! When a PD or a virtual machine runs.

use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::Schedule;
use crate::xml::{Element, bounds};

/// `priority`, `budget`, `period`.
pub fn parse(element: Element) -> Result<Schedule, Broken> {
    let priority = bounds(element.number_or("priority", 0)?, "the priority", 0, 254)?;
    let budget = element.number_or("budget", 1000)?;
    let period = element.number_or("period", budget.value)?;
    if budget.value > period.value {
        return broken(&budget.span, Rule::Budget(budget.value, period.value));
    }
    Ok(Schedule {
        priority: priority.value,
        budget: budget.value,
        period: period.value,
    })
}
