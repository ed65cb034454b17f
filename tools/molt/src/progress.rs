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

/// How often [`Detail`] says something where there is no terminal.
const SELDOM: Duration = Duration::from_secs(20);

fn spinner(template: &str) -> Option<ProgressBar> {
    stderr().is_terminal().then(|| {
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = BARS.add(ProgressBar::new_spinner()).with_style(style);
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    })
}

/// How far a step is: on a terminal it always shows the last text, elsewhere a text now and then.
pub struct Detail {
    bar: Option<ProgressBar>,
    said: Instant,
}

impl Detail {
    /// Shows nothing yet.
    pub fn new() -> Self {
        Self {
            bar: spinner("  {wide_msg}"),
            said: Instant::now(),
        }
    }

    /// It is here now.
    pub fn say(&mut self, text: impl Into<String>) {
        match &self.bar {
            Some(bar) => bar.set_message(text.into()),
            None if self.said.elapsed() > SELDOM => {
                self.said = Instant::now();
                complain!("molt: … {}", text.into());
            }
            None => {}
        }
    }
}

impl Drop for Detail {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
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
        let bar = spinner("{spinner} {msg} {elapsed}");
        match &bar {
            Some(bar) => bar.set_message(name.clone()),
            None => complain!("molt: {name}"),
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
