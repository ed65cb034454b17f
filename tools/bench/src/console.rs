// SPDX-License-Identifier: BSD-2-Clause
//! The console of one run.

use crate::line::Line;

/// The result lines of a console so far.
#[derive(Clone, Debug, Default)]
pub struct Console {
    /// The load's lines.
    pub lines: Vec<Line>,
    /// Errors that it reported.
    pub complaints: Vec<String>,
    /// The text before each of its lines.
    name: Option<String>,
    done: bool,
}

impl Console {
    /// Takes a line. The text before the first result line has to be before all of the load's lines; lines of other programs
    /// on the same console are ignored.
    pub fn line(&mut self, text: &str) {
        if let Some((before, line)) = Line::read(text) {
            let name = self.name.get_or_insert_with(|| before.to_owned());
            if *name == before {
                self.lines.push(line);
            }
            return;
        }
        let Some(said) = (self.name.as_deref()).and_then(|name| text.strip_prefix(name)) else {
            return;
        };
        if said.trim_end() == "done" {
            self.done = true;
        } else if said.starts_with("error:") {
            self.complaints.push(said.trim_end().to_owned());
        }
    }

    /// Whether the load is at its end.
    pub fn done(&self) -> bool {
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_load_s_own_end_counts() {
        let mut console = Console::default();
        console.line("bare: done");
        console.line("linux: bench boot ns=7");
        console.line("bare: done");
        console.line("bare: error: not ours");
        assert!(!console.done());
        console.line("linux: error: a request failed");
        console.line("linux: done\r");
        assert!(console.done());
        assert_eq!(console.complaints, ["error: a request failed"]);
        assert_eq!(console.lines, [Line::Boot { ns: 7 }]);
    }
}
