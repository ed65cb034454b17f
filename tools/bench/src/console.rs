// SPDX-License-Identifier: BSD-2-Clause
//! The console of one run.

use crate::line::Line;

/// What a console has said so far.
#[derive(Clone, Debug, Default)]
pub struct Console {
    /// The load's lines.
    pub lines: Vec<Line>,
    /// What it complained of.
    pub complaints: Vec<String>,
    /// What stands before its lines.
    name: Option<String>,
    done: bool,
}

impl Console {
    /// Takes a line in. Whatever stands before the first result line on its line of the console stands before all of
    /// the load's; other programs on the same console are not listened to.
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
