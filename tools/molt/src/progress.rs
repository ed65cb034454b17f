// SPDX-License-Identifier: BSD-2-Clause
//! Progress of long work: a spinner on a terminal, a line for each step elsewhere.

use std::io::{IsTerminal, stderr};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::output::complain;

/// The spinners of all threads.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Does something with the terminal while no spinner writes to it.
pub fn aside<R>(write: impl FnOnce() -> R) -> R {
    BARS.suspend(write)
}

/// One step of the work, from its start to its end.
pub struct Step {
    name: String,
    start: Instant,
    bar: Option<ProgressBar>,
}

impl Step {
    /// Shows what is being done now.
    pub fn start(name: impl Into<String>) -> Self {
        let name = name.into();
        let bar = stderr().is_terminal().then(|| {
            let bar = BARS
                .add(ProgressBar::new_spinner())
                .with_style(
                    ProgressStyle::with_template("{spinner} {msg} {elapsed}")
                        .unwrap_or_else(|_| ProgressStyle::default_spinner()),
                )
                .with_message(name.clone());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        if bar.is_none() {
            complain!("molt: {name}");
        }
        Self {
            name,
            start: Instant::now(),
            bar,
        }
    }

    /// Shows that it is done, if it took a while.
    pub fn done(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
            let took = self.start.elapsed();
            if took > Duration::from_secs(1) {
                complain!("molt: {} ({:.1} s)", self.name, took.as_secs_f32());
            }
        }
    }
}
