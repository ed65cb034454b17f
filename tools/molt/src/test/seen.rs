// SPDX-License-Identifier: BSD-2-Clause
//! Reads the output of the target suite.

use std::collections::BTreeMap;
use std::time::Duration;

use molt_qemu::{Observer, Step};

/// The suite's output.
#[derive(Default)]
pub struct Seen {
    /// By test: why it failed, if it did.
    pub verdicts: BTreeMap<String, Option<String>>,
    /// The kernel's answers, by test.
    pub traces: BTreeMap<String, Vec<String>>,
    /// By operation, in the suite's order: the instructions it took.
    pub costs: Vec<(String, u64)>,
    /// The suite came to its end.
    pub closed: bool,
    /// The last line.
    pub last: String,
}

impl Seen {
    /// Reads a line.
    pub fn take(&mut self, line: &str) {
        if let Some(name) = line.strip_prefix("ok ") {
            self.verdicts.insert(name.to_owned(), None);
            self.traces.entry(name.to_owned()).or_default();
        } else if let Some((name, reason)) =
            (line.strip_prefix("FAILED ")).and_then(|rest| rest.split_once(": "))
        {
            self.verdicts
                .insert(name.to_owned(), Some(reason.to_owned()));
        } else if let Some((name, trace)) =
            (line.strip_prefix("trace ")).and_then(|rest| rest.split_once(": "))
        {
            self.traces
                .entry(name.to_owned())
                .or_default()
                .push(trace.to_owned());
        } else if let Some((name, cost)) =
            (line.strip_prefix("cost ")).and_then(|rest| rest.rsplit_once(": "))
        {
            self.costs
                .extend(cost.parse().map(|cost| (name.to_owned(), cost)));
        }
        self.closed |= line.starts_with("suite: ") && line.ends_with(" failed");
        self.last = line.to_owned();
    }
}

impl Observer for Seen {
    fn line(&mut self, _: Duration, line: &str) -> Step {
        self.take(line);
        if self.closed {
            Step::Stop
        } else {
            Step::Continue
        }
    }
}

/// The first line in which two traces differ.
pub fn difference(expected: &[String], found: &[String]) -> Option<String> {
    let lines = expected.len().max(found.len());
    (0..lines).find_map(|index| {
        let (expected, found) = (expected.get(index), found.get(index));
        (expected != found).then(|| {
            let or = |line: Option<&String>| line.map_or("nothing", String::as_str).to_owned();
            let (expected, found) = (or(expected), or(found));
            format!(
                "trace line {}: '{found}', on the real kernel '{expected}'",
                index + 1
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Seen {
        let mut seen = Seen::default();
        text.lines().for_each(|line| seen.take(line));
        seen
    }

    #[test]
    fn a_trace_that_differs_is_named() {
        let a = seen("trace t: error 8\ntrace t: badge 3\nok t\nsuite: 1 passed, 0 failed");
        let b = seen("trace t: error 8\nok t");
        assert!(a.closed && !b.closed);
        assert_eq!(difference(&a.traces["t"], &a.traces["t"]), None);
        let difference = difference(&a.traces["t"], &b.traces["t"]).unwrap();
        assert!(difference.contains("'nothing', on the real kernel 'badge 3'"));
    }

    #[test]
    fn costs_are_read_in_their_order() {
        let seen = seen("cost signal, nobody waits: 439\ncost revoke of pages (16): 5360\nok t");
        let read: Vec<_> = (seen.costs.iter())
            .map(|(name, cost)| (name.as_str(), *cost))
            .collect();
        assert_eq!(
            read,
            [
                ("signal, nobody waits", 439),
                ("revoke of pages (16)", 5360)
            ]
        );
    }
}
