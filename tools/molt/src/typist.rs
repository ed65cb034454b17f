// SPDX-License-Identifier: BSD-2-Clause
//! Types at the console what a scenario says, each when its time has come.

use std::collections::{BTreeMap, VecDeque};

use crate::scenario::Typed;

/// What is still to be typed.
pub struct Typist {
    /// Lines for the operator's commands, each of which is answered.
    commands: usize,
    types: bool,
    waiting: VecDeque<Typed>,
    ready: VecDeque<Typed>,
    /// Bytes of the present line of the console, at its beginning, that nothing is looked for in any more.
    seen: usize,
    /// The last value of each key in an answer.
    values: BTreeMap<String, String>,
}

impl Typist {
    /// For these.
    pub fn new(typed: &[Typed]) -> Self {
        Self {
            commands: typed.iter().filter(|typed| typed.line.is_some()).count(),
            types: !typed.is_empty(),
            waiting: typed.iter().cloned().collect(),
            ready: VecDeque::new(),
            seen: 0,
            values: BTreeMap::new(),
        }
    }

    /// Whether it types anything.
    pub fn types(&self) -> bool {
        self.types
    }

    /// Whether all was typed, and so many answers are the answers to all commands.
    pub fn done(&self, answers: usize) -> bool {
        self.waiting.is_empty() && self.ready.is_empty() && answers >= self.commands
    }

    /// What has to be printed before the next thing is typed.
    pub fn waits_for(&self) -> Option<&str> {
        self.waiting.front().map(|typed| typed.after.as_str())
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
        self.look(line);
        self.seen = 0;
    }

    /// The console's last line begins with this, and goes on.
    pub fn unfinished(&mut self, text: &str) {
        if let Some(end) = self.look(text) {
            self.seen = end;
        }
    }

    /// Looks for what is waited for. Returns where it ends in the text.
    fn look(&mut self, text: &str) -> Option<usize> {
        let rest = text.get(self.seen..)?;
        let after = &self.waiting.front()?.after;
        let end = self.seen + rest.find(after)? + after.len();
        self.ready.extend(self.waiting.pop_front());
        Some(end)
    }

    /// What is typed next.
    pub fn next(&mut self) -> Option<Vec<u8>> {
        let typed = self.ready.pop_front()?;
        let Some(mut line) = typed.line else {
            let text = typed.text.unwrap_or_default();
            return Some(text.repeat(typed.times).into_bytes());
        };
        for (key, value) in &self.values {
            line = line.replace(&format!("{{{key}}}"), value);
        }
        line.push('\n');
        Some(line.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(after: &str, text: &str) -> Typed {
        Typed {
            after: after.to_owned(),
            line: None,
            text: Some(text.to_owned()),
            times: 1,
        }
    }

    #[test]
    fn a_prompt_is_answered_once() {
        let mut typist = Typist::new(&[typed("# ", "ls\r"), typed("# ", "exit\r")]);
        typist.unfinished("/ ");
        assert_eq!(typist.next(), None);
        typist.unfinished("/ # ");
        assert_eq!(typist.next().as_deref(), Some(&b"ls\r"[..]));
        // The echo.
        typist.unfinished("/ # l");
        typist.line("/ # ls");
        assert_eq!((typist.next(), typist.waits_for()), (None, Some("# ")));
        typist.unfinished("/ # ");
        assert_eq!(typist.next().as_deref(), Some(&b"exit\r"[..]));
        assert!(typist.done(0));
    }
}
