// SPDX-License-Identifier: BSD-2-Clause
//! When a PD or a virtual machine runs.

use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::Schedule;
use crate::xml::{Element, bounds};

/// The least budget in microseconds: seL4 refuses less than twice its own worst execution time (`MIN_BUDGET_US`).
const LEAST_BUDGET: u64 = 20;
/// The longest period in microseconds, some nine years. seL4's own limit depends on the timer's frequency and is above it.
const LONGEST_PERIOD: u64 = 1 << 48;

/// `priority`, `budget`, `period`.
pub fn parse(element: Element) -> Result<Schedule, Broken> {
    let priority = bounds(element.number_or("priority", 0)?, "the priority", 0, 254)?;
    let budget = element.number_or("budget", 1000)?;
    let period = element.number_or("period", budget.value)?;
    if budget.value > period.value {
        return broken(&budget.span, Rule::Budget(budget.value, period.value));
    }
    let budget = bounds(budget, "the budget", LEAST_BUDGET, LONGEST_PERIOD)?;
    let period = bounds(period, "the period", LEAST_BUDGET, LONGEST_PERIOD)?;
    Ok(Schedule {
        priority: priority.value,
        budget: budget.value,
        period: period.value,
    })
}
