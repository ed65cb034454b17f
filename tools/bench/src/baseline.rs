// SPDX-License-Identifier: BSD-2-Clause
//! What a request may cost: instructions by program, held to what was recorded.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// So much a count may grow.
pub const TOLERANCE: f64 = 0.02;
/// A program with a smaller share of a row's instructions than this is not looked at by itself: the timer and the like run now and then.
const SHARE: f64 = 0.01;

/// What the counts depend on beside the sources. Counts of other tools cannot be compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tools {
    /// The compiler's version, as it says it.
    pub rustc: String,
    /// QEMU's version, without the last number.
    pub qemu: String,
    /// The guest's kernel, where there is one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub linux: String,
}

/// Instructions of one row by program, each request.
pub type Counts = BTreeMap<String, f64>;

/// The counts of one kernel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// With what they were counted.
    pub tools: Tools,
    /// By row of the load.
    pub rows: BTreeMap<String, Counts>,
}

/// By kernel, board and configuration.
pub type Baseline = BTreeMap<String, Figures>;

/// A count that is another one than in the baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The load's row.
    pub row: String,
    /// Which program, or all together.
    pub program: String,
    /// In the baseline, each request.
    pub before: f64,
    /// Now; none where it was not counted.
    pub now: Option<f64>,
}

impl Change {
    /// Whether it is more than is allowed.
    pub fn is_worse(&self) -> bool {
        self.now
            .is_none_or(|now| now > self.before * (1.0 + TOLERANCE))
    }

    /// Whether so much less that the baseline would hide it when it grows again.
    pub fn is_better(&self) -> bool {
        self.now
            .is_some_and(|now| now < self.before * (1.0 - TOLERANCE))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            row,
            program,
            before,
            now,
        } = self;
        let Some(now) = now else {
            return write!(f, "{row}: {program} was not counted");
        };
        let percent = 100.0 * (now / before - 1.0);
        write!(
            f,
            "{row}: {program}: {now:.1} instructions a request, {before:.1} in the baseline ({percent:+.1} %)"
        )
    }
}

/// Compares row by row: all programs together, then each that has a share worth looking at.
pub fn changes(before: &Figures, now: &Figures) -> Vec<Change> {
    let mut all = Vec::new();
    for (row, counts) in &before.rows {
        let found = now.rows.get(row);
        let mut add = |program: &str, before, now| {
            all.push(Change {
                row: row.clone(),
                program: program.to_owned(),
                before,
                now,
            });
        };
        let together = counts.values().sum::<f64>();
        add(
            "all together",
            together,
            found.map(|now| now.values().sum()),
        );
        for (program, before) in counts.iter().filter(|(_, n)| **n >= SHARE * together) {
            // One that did not run has nothing against it; one that is new shows in the sum.
            let now = found.map(|now| now.get(program).copied().unwrap_or(0.0));
            add(program, *before, now);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(counts: &[(&str, f64)]) -> Figures {
        let counts = counts.iter().map(|(name, n)| ((*name).to_owned(), *n));
        Figures {
            rows: [("read".to_owned(), counts.collect())].into(),
            ..Figures::default()
        }
    }

    fn worse(before: &[(&str, f64)], now: &[(&str, f64)]) -> Vec<String> {
        let changes = changes(&figures(before), &figures(now));
        let worse = changes.iter().filter(|change| change.is_worse());
        worse.map(ToString::to_string).collect()
    }

    #[test]
    fn more_than_two_in_a_hundred_is_worse() {
        let before = [("kernel", 9000.0), ("vmm", 1000.0)];
        assert!(worse(&before, &[("kernel", 9090.0), ("vmm", 1019.0)]).is_empty());
        assert!(worse(&before, &[("kernel", 500.0)]).is_empty());
        let text = worse(&before, &[("kernel", 9000.0), ("vmm", 1021.0)]);
        let expected = "read: vmm: 1021.0 instructions a request, 1000.0 in the baseline (+2.1 %)";
        assert_eq!(text, [expected]);
    }

    #[test]
    fn a_new_program_shows_in_the_sum() {
        let before = [("kernel", 1000.0)];
        let text = worse(&before, &[("kernel", 1000.0), ("other", 30.0)]);
        assert_eq!(text.len(), 1);
        assert!(text[0].contains("all together") && text[0].contains("+3.0 %"));
    }

    #[test]
    fn what_runs_now_and_then_is_not_looked_at() {
        let before = [("kernel", 1000.0), ("timer", 5.0)];
        assert!(worse(&before, &[("kernel", 1000.0), ("timer", 15.0)]).is_empty());
    }

    #[test]
    fn a_row_that_was_not_counted_is_noticed() {
        let changes = changes(&figures(&[("kernel", 1.0)]), &Figures::default());
        assert!(changes.iter().all(Change::is_worse));
        assert_eq!(changes[0].to_string(), "read: all together was not counted");
    }

    #[test]
    fn what_became_less_is_told_apart() {
        let changes = changes(&figures(&[("vmm", 100.0)]), &figures(&[("vmm", 97.0)]));
        assert!(changes.iter().all(|c| c.is_better() && !c.is_worse()));
    }
}
