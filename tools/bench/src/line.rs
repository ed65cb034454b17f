// SPDX-License-Identifier: BSD-2-Clause
//! The result lines that the load prints (docs/performance.md).

use std::collections::BTreeMap;

/// What every result line begins with, behind the name that a console may put before it.
const WORD: &str = "bench ";

/// How long the requests of a row took: thousandths of them, and the time in nanoseconds that so many do not exceed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times(pub BTreeMap<u32, u64>);

impl Times {
    /// The time that so many thousandths do not exceed, where the line has it.
    pub fn at(&self, thousandths: u32) -> Option<u64> {
        self.0.get(&thousandths).copied()
    }
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// The time from power-on to the first program, in nanoseconds of the machine's counter.
    Boot {
        /// Nanoseconds.
        ns: u64,
    },
    /// The time from power-on to a login shell on the virtio console, likewise.
    Login {
        /// Nanoseconds.
        ns: u64,
    },
    /// A row was measured.
    Row {
        /// Its name.
        name: String,
        /// Bytes of each request.
        bytes: u64,
        /// Requests in flight.
        depth: u64,
        /// How many requests.
        requests: u64,
        /// How long all of them took.
        elapsed_ns: u64,
    },
    /// How long its requests took, each.
    Times {
        /// The row's name.
        name: String,
        /// By thousandths.
        times: Times,
    },
}

impl Line {
    /// Reads a result line, and returns it with the text before it. `None` if it is no result line.
    pub fn read(text: &str) -> Option<(&str, Self)> {
        let start = match text.find(WORD)? {
            0 => 0,
            // A console shared by several puts a name before it.
            at if text[..at].ends_with(": ") => at,
            _ => return None,
        };
        let (before, said) = text.split_at(start);
        let said = &said[WORD.len()..];
        let line = if let Some(rest) = said.strip_prefix("boot ") {
            Self::Boot {
                ns: number(rest, "ns")?,
            }
        } else if let Some(rest) = said.strip_prefix("login ") {
            Self::Login {
                ns: number(rest, "ns")?,
            }
        } else if let Some(rest) = said.strip_prefix("times=") {
            let (name, rest) = rest.split_once(' ')?;
            Self::Times {
                name: name.to_owned(),
                times: times(rest)?,
            }
        } else {
            Self::Row {
                name: field(said, "row")?.to_owned(),
                bytes: number(said, "bytes")?,
                depth: number(said, "depth")?,
                requests: number(said, "requests")?,
                elapsed_ns: number(said, "elapsed_ns")?,
            }
        };
        Some((before, line))
    }
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = text.split_whitespace().filter_map(|w| w.split_once('='));
    fields.find_map(|(found, value)| (found == name).then_some(value))
}

fn number(text: &str, name: &str) -> Option<u64> {
    field(text, name)?.parse().ok()
}

fn times(text: &str) -> Option<Times> {
    let pairs = text.split_whitespace().map(|pair| {
        let (thousandths, ns) = pair.split_once(':')?;
        Some((thousandths.parse().ok()?, ns.parse().ok()?))
    });
    pairs.collect::<Option<_>>().map(Times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_with_and_without_a_console_s_name() {
        let row = "bench row=read_4k_d8 bytes=4096 depth=8 requests=4000 elapsed_ns=1000";
        let expected = Line::Row {
            name: "read_4k_d8".into(),
            bytes: 4096,
            depth: 8,
            requests: 4000,
            elapsed_ns: 1000,
        };
        assert_eq!(Line::read(row), Some(("", expected.clone())));
        assert_eq!(
            Line::read(&format!("linux: {row}\r")),
            Some(("linux: ", expected))
        );
    }

    #[test]
    fn times_are_read() {
        let (_, line) = Line::read("bench times=read_4k_d1 0:3 500:17 1000:90").unwrap();
        let Line::Times { name, times } = line else {
            panic!("{line:?}")
        };
        assert_eq!((name.as_str(), times.at(500)), ("read_4k_d1", Some(17)));
        assert_eq!(times.at(990), None);
    }

    #[test]
    fn what_is_no_result_line() {
        for text in [
            "",
            "bench",
            "bench row=x",
            "bench boot ns=-1",
            "bench times=x 1",
            "a workbench boot ns=1",
        ] {
            assert_eq!(Line::read(text), None, "{text}");
        }
    }
}
