// SPDX-License-Identifier: BSD-2-Clause
//! One event with its time: prints and parses it.

use core::fmt;
use core::str::FromStr;

use crate::event::Event;
use crate::word::Word;

/// What every trace line begins with.
pub const PREFIX: &str = "molt: ";

/// An event and its time. It is printed without a line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<W = Word> {
    /// CNTPCT in nanoseconds.
    pub time_ns: u64,
    /// What happened.
    pub event: Event<W>,
}

impl<W: fmt::Display> fmt::Display for Line<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{} {}", self.time_ns, self.event)
    }
}

/// The text is no trace line: another prefix, no time, an unknown event or a field missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotATraceLine;

impl fmt::Display for NotATraceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a trace line")
    }
}

impl core::error::Error for NotATraceLine {}

impl FromStr for Line {
    type Err = NotATraceLine;

    fn from_str(text: &str) -> Result<Self, NotATraceLine> {
        let text = text.trim_end().strip_prefix(PREFIX).ok_or(NotATraceLine)?;
        let (time, rest) = text.split_once(' ').ok_or(NotATraceLine)?;
        let (name, fields) = rest.split_once(' ').unwrap_or((rest, ""));
        Ok(Self {
            time_ns: time.parse().map_err(|_| NotATraceLine)?,
            event: Event::parse(name, fields).ok_or(NotATraceLine)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_as_people_expect() {
        let line = Line {
            time_ns: 1234,
            event: Event::RolledBack {
                component: "blk".into(),
                failed: 3,
                to: 4,
                reason: "missed its heartbeat".into(),
            },
        };
        let text = "molt: 1234 rolled-back component=blk failed=3 to=4 reason=missed-its-heartbeat";
        assert_eq!(line.to_string(), text);
        assert_eq!(text.parse(), Ok(line.clone()));
        assert_eq!(
            format!("{text} more=1\r\n").parse(),
            Ok(line),
            "a later field is no error"
        );
    }

    #[test]
    fn what_is_no_trace_line() {
        for text in [
            "",
            "molt: ",
            "vmm_a: molt: 1 boot components=1 clients=2",
            "molt: x boot components=1 clients=2",
            "molt: 1 boot components=1",
            "molt: 1 boot components=-1 clients=2",
            "molt: 1 reboot components=1 clients=2",
        ] {
            assert_eq!(text.parse::<Line>(), Err(NotATraceLine), "{text}");
        }
    }

    proptest! {
        #[test]
        fn back_and_forth(time_ns: u64, name in ".{0,60}", value: u64, sequence: u64, bytes: u64) {
            // An empty word is written as "-", hence not empty here.
            let name = if name.is_empty() { Word::new("x") } else { Word::new(&name) };
            for event in [
                Event::Value { name: name.clone(), value },
                Event::Verified { component: name.clone(), sequence, bytes },
                Event::Fault { domain: name.clone(), generation: value, label: 6, ip: sequence, address: bytes },
            ] {
                let line = Line { time_ns, event };
                prop_assert_eq!(line.to_string().parse(), Ok(line));
            }
        }

        #[test]
        fn any_text_is_survived(text in ".{0,200}") {
            let _ = format!("molt: 1 {text}").parse::<Line>();
        }
    }
}
