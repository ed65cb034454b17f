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
        /// How far the caret stands in the line, in characters from 0.
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
                // Tabs stay tabs, so that the caret stands under its character.
                let lead: String = text
                    .chars()
                    .take(*indent)
                    .map(|c| if c == '\t' { c } else { ' ' })
                    .collect();
                write!(
                    f,
                    "{place}: {rule}\n    {text}\n    {lead}{}",
                    "^".repeat(*width)
                )
            }
        }
    }
}

impl std::error::Error for Error {}
