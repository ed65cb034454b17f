// SPDX-License-Identifier: BSD-2-Clause
//! How long a run may take.
//!
//! Time in which the machine waited for a processor of the host is not counted, so that a run does not fail because the host is busy with
//! something else. Linux counts it for each thread (proc(5), `schedstat`: the second figure, in ns). Where there is no such
//! figure, all time is counted.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// A limit that is being used up.
pub struct Limit {
    start: Instant,
    limit: Duration,
    threads: String,
}

impl Limit {
    /// For a process that has just begun.
    pub fn new(limit: Duration, process: u32) -> Self {
        Self {
            start: Instant::now(),
            limit,
            threads: format!("/proc/{process}/task"),
        }
    }

    /// The time since the process began.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// What is left; `None` if it is used up.
    pub fn left(&self) -> Option<Duration> {
        let elapsed = self.elapsed();
        if let Some(left) = self.limit.checked_sub(elapsed) {
            return Some(left);
        }
        let counted = elapsed.saturating_sub(self.waited());
        self.limit
            .checked_sub(counted)
            .filter(|left| !left.is_zero())
    }

    /// How long the thread that had to wait most has waited.
    fn waited(&self) -> Duration {
        let threads = fs::read_dir(&self.threads).into_iter().flatten().flatten();
        let waited = threads.filter_map(|thread| waited(&thread.path().join("schedstat")));
        waited.max().unwrap_or_default()
    }
}

fn waited(schedstat: &Path) -> Option<Duration> {
    let text = fs::read_to_string(schedstat).ok()?;
    parse(&text)
}

fn parse(text: &str) -> Option<Duration> {
    let waited = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(Duration::from_nanos(waited))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_figure_is_the_time_that_a_thread_has_waited() {
        assert_eq!(parse("7 2000000000 3\n"), Some(Duration::from_secs(2)));
        assert_eq!(parse(""), None);
        assert_eq!(parse("7 x 3"), None);
    }

    #[test]
    fn without_the_figure_all_time_is_counted() {
        let limit = Limit {
            start: Instant::now(),
            limit: Duration::ZERO,
            threads: "/nowhere".to_owned(),
        };
        assert_eq!(limit.left(), None);
    }
}
