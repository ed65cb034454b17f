// SPDX-License-Identifier: BSD-2-Clause
//! What the guest's owner allows an update to do.

use core::fmt;

use crate::decode::Part;
use crate::step::Step;

/// The owner's list: a text with one statement a line. `#` begins a remark.
///
/// ```text
/// file /lib/firmware/molt/           files in and below this folder; without the slash at the end, this one file
/// parameter virtio_blk queue_depth   this parameter of this module
/// command reload /sbin/reload -q     what the command of this name executes: a program and its arguments
/// ```
///
/// What it does not allow is refused, and so is everything by an empty list.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy<'t>(pub &'t str);

/// A step that the owner does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused<'b>(pub Step<'b>);

impl fmt::Display for Refused<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this guest's owner does not allow: {}", self.0)
    }
}

impl<'t> Policy<'t> {
    /// Whether every step is allowed.
    ///
    /// # Errors
    /// The first one that is not.
    pub fn allows<'b>(&self, part: &Part<'b>) -> Result<(), Refused<'b>> {
        let mut steps = part.steps.iter();
        let refused = steps.find(|step| !self.allows_step(step));
        refused.map_or(Ok(()), |step| Err(Refused(*step)))
    }

    fn allows_step(&self, step: &Step<'_>) -> bool {
        match *step {
            Step::File { path, .. } => self.allows_file(path),
            Step::Parameter { module, name, .. } => {
                let mut statements = self.statements("parameter");
                statements.any(|rest| rest.split_whitespace().eq([module, name]))
            }
            Step::Command { name } => self.command(name).is_some(),
        }
    }

    fn allows_file(&self, path: &str) -> bool {
        self.statements("file").any(|allowed| {
            let below = allowed.ends_with('/') && path.starts_with(allowed);
            allowed.starts_with('/') && (path == allowed || below)
        })
    }

    /// The words that a command executes, the program's path first.
    pub fn command(&self, name: &str) -> Option<impl Iterator<Item = &'t str> + use<'t>> {
        self.statements("command").find_map(|rest| {
            let mut words = rest.split_whitespace();
            let is_it = words.next() == Some(name) && words.clone().next().is_some();
            is_it.then_some(words)
        })
    }

    /// The rest of each line that begins with this word.
    fn statements(&self, word: &'static str) -> impl Iterator<Item = &'t str> + use<'t> {
        self.0.lines().filter_map(move |line| {
            let line = line.split('#').next().unwrap_or(line);
            let rest = line.trim().strip_prefix(word)?;
            rest.starts_with(char::is_whitespace).then(|| rest.trim())
        })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::vec::Vec;

    use super::*;

    const LIST: &str = "
        # what an update may do
        file /lib/firmware/molt/
        file /etc/molt.conf   # this one
        parameter virtio_blk queue_depth
        command reload /sbin/reload -q now
        command empty
        filetype /
    ";

    fn allows(step: Step<'_>) -> bool {
        Policy(LIST).allows_step(&step)
    }

    fn file(path: &str) -> Step<'_> {
        Step::File {
            path,
            mode: 0o644,
            contents: b"",
        }
    }

    #[test]
    fn files_below_a_folder_and_single_ones() {
        assert!(allows(file("/lib/firmware/molt/a/b")));
        assert!(allows(file("/etc/molt.conf")));
        for path in [
            "/lib/firmware/molt",
            "/lib/firmware/moltx",
            "/etc/molt.conf.d",
            "/etc/passwd",
        ] {
            assert!(!allows(file(path)), "{path}");
        }
    }

    #[test]
    fn parameters_and_commands_by_name() {
        let parameter = |module, name| Step::Parameter {
            module,
            name,
            value: "1",
        };
        assert!(allows(parameter("virtio_blk", "queue_depth")));
        assert!(!allows(parameter("virtio_blk", "queue")));
        assert!(!allows(parameter("virtio", "queue_depth")));
        assert!(allows(Step::Command { name: "reload" }));
        assert!(
            !allows(Step::Command { name: "empty" }),
            "it names no program"
        );
        assert!(!allows(Step::Command {
            name: "/sbin/reload"
        }));
        let words: Option<Vec<_>> = Policy(LIST).command("reload").map(Iterator::collect);
        assert_eq!(words.as_deref(), Some(&["/sbin/reload", "-q", "now"][..]));
    }

    #[test]
    fn an_empty_list_allows_nothing() {
        let part = Part {
            steps: [file("/etc/molt.conf")].into_iter().collect(),
        };
        assert_eq!(
            Policy("").allows(&part),
            Err(Refused(file("/etc/molt.conf")))
        );
        assert_eq!(Policy(LIST).allows(&part), Ok(()));
    }
}
