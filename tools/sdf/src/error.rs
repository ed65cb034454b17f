// SPDX-License-Identifier: BSD-2-Clause
//! What is wrong with a description, and where.

use crate::{Rule, Source, Span};
use std::fmt;
use std::path::PathBuf;

/// A rule that is broken at a place, before the place is made into line and column.
#[derive(Debug)]
pub(crate) struct Broken {
    pub rule: Rule,
    pub span: Span,
}

/// `Err` of a rule broken at a span.
pub(crate) fn broken<T>(span: &Span, rule: Rule) -> Result<T, Broken> {
    Err(Broken {
        rule,
        span: span.clone(),
    })
}

impl Broken {
    pub fn at(self, source: &Source) -> Error {
        Error::broken(source, &self.span, self.rule)
    }
}

/// Why a description was refused.
#[derive(Debug)]
pub enum Error {
    /// It, or a file that it names, could not be read.
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A rule is broken.
    Rule {
        /// `file:line:col`
        place: String,
        /// The line.
        text: String,
        /// The position of the caret in the line, in characters from 0.
        indent: usize,
        /// How many characters are underlined, at least 1.
        width: usize,
        /// Which.
        rule: Box<Rule>,
    },
}

impl Error {
    /// The rule `rule`, broken at `span` of `source`.
    pub fn broken(source: &Source, span: &Span, rule: Rule) -> Error {
        let (line, column, text) = source.place(span.start);
        let place = format!("{}:{line}:{column}", source.name());
        let room = text.chars().count().saturating_sub(column - 1);
        let width = span.len().clamp(1, room.max(1));
        Error::Rule {
            place,
            text: text.to_owned(),
            indent: column - 1,
            width,
            rule: Box::new(rule),
        }
    }

    /// The broken rule.
    pub fn rule(&self) -> Option<&Rule> {
        match self {
            Error::Rule { rule, .. } => Some(rule),
            Error::Read { .. } => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Read { path, error } => write!(f, "{}: {error}", path.display()),
            Error::Rule {
                place,
                text,
                indent,
                width,
                rule,
            } => {
                let (text, indent, width) = around(text, *indent, *width);
                // Tabs are kept, so that the caret is under its character.
                let lead: String = text
                    .chars()
                    .take(indent)
                    .map(|c| if c == '\t' { c } else { ' ' })
                    .collect();
                write!(
                    f,
                    "{place}: {rule}\n    {text}\n    {lead}{}",
                    "^".repeat(width)
                )
            }
        }
    }
}

/// Characters of a line that are shown at the most.
const SHOWN: usize = 160;
/// How many of them are before the caret.
const BEFORE: usize = 60;
/// Replaces the part that is not shown.
const CUT: char = '\u{2026}';

/// The part of a long line around the caret: text, indent and width of what is underlined.
fn around(text: &str, indent: usize, width: usize) -> (String, usize, usize) {
    if text.chars().count() <= SHOWN {
        return (text.to_owned(), indent, width);
    }
    let start = indent.saturating_sub(BEFORE);
    let mut part: String = text.chars().skip(start).take(SHOWN).collect();
    let width = width.min(SHOWN - (indent - start));
    if text.chars().count() > start + SHOWN {
        part.push(CUT);
    }
    let mut indent = indent - start;
    if start > 0 {
        part.insert(0, CUT);
        indent += 1;
    }
    (part, indent, width)
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    /// All of a system in one line, as programs write descriptions.
    #[test]
    fn of_a_very_long_line_the_part_around_the_caret_is_shown() {
        let before = "<a/>".repeat(25_000);
        let text = format!("<system>{before}<channel bad='1'/>{before}</system>");
        let start = text.find("bad").unwrap();
        let source = Source::new("long.xml".to_owned(), text);
        let rule = Rule::UnknownAttribute("channel".to_owned(), "bad".to_owned());
        let error = Error::broken(&source, &(start..start + 3), rule).to_string();
        let lines: Vec<&str> = error.lines().collect();
        let [place, shown, caret] = lines.as_slice() else {
            panic!("{error}")
        };
        assert!(
            place.starts_with(&format!("long.xml:1:{}: ", start + 1)),
            "{place}"
        );
        assert!(
            shown.chars().count() < 200,
            "{} characters",
            shown.chars().count()
        );
        let column = caret.chars().position(|c| c == '^').unwrap();
        let under: String = shown.chars().skip(column).take(3).collect();
        assert_eq!((under.as_str(), caret.trim()), ("bad", "^^^"));
        assert!(shown.trim().starts_with(CUT) && shown.ends_with(CUT));
    }

    #[test]
    fn what_is_underlined_ends_with_what_is_shown() {
        let (text, indent, width) = around(&"x".repeat(1000), 500, 400);
        assert_eq!(text.chars().count(), SHOWN + 2);
        assert_eq!((indent, width), (BEFORE + 1, SHOWN - BEFORE));
        assert_eq!(around("short", 1, 2), ("short".to_owned(), 1, 2));
    }
}
