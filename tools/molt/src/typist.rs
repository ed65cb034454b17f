// SPDX-License-Identifier: BSD-2-Clause
//! Types a scenario's lines at the console, each when its time has come.

use std::collections::{BTreeMap, VecDeque};

use crate::scenario::Typed;

/// The lines that are still to be typed.
pub struct Typist {
    count: usize,
    waiting: VecDeque<Typed>,
    ready: VecDeque<String>,
    /// The last value of each key in an answer.
    values: BTreeMap<String, String>,
}

impl Typist {
    /// For these lines.
    pub fn new(lines: &[Typed]) -> Self {
        Self {
            count: lines.len(),
            waiting: lines.iter().cloned().collect(),
            ready: VecDeque::new(),
            values: BTreeMap::new(),
        }
    }

    /// Whether it types anything.
    pub fn types(&self) -> bool {
        self.count > 0
    }

    /// Whether all lines were typed, and so many answers are the answers to all.
    pub fn done(&self, answers: usize) -> bool {
        self.waiting.is_empty() && self.ready.is_empty() && answers >= self.count
    }

    /// The console says this.
    pub fn line(&mut self, line: &str) {
        if let Some((_, text)) = molt_report::operator::answer(line) {
            let pairs = text.split(' ').filter_map(|word| word.split_once('='));
            for (key, value) in pairs.filter(|(_, value)| *value != "-") {
                let value = value.rsplit(':').next().unwrap_or(value);
                self.values.insert(key.to_owned(), value.to_owned());
            }
        }
        let due = self
            .waiting
            .front()
            .is_some_and(|t| line.contains(&t.after));
        if let Some(typed) = self.waiting.pop_front_if(|_| due) {
            self.ready.push_back(typed.line);
        }
    }

    /// The next line to type.
    pub fn next(&mut self) -> Option<String> {
        let mut line = self.ready.pop_front()?;
        for (key, value) in &self.values {
            line = line.replace(&format!("{{{key}}}"), value);
        }
        Some(line)
    }
}
