// SPDX-License-Identifier: BSD-2-Clause
//! An element with its place, and attributes that are read once and checked.

use crate::error::{Broken, broken};
use crate::{Rule, Span, value};
use roxmltree::{Attribute, Node};

/// An element.
#[derive(Clone, Copy)]
pub(crate) struct Element<'a>(Node<'a, 'a>);

/// A value and where it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Its place; for a default, its element's.
    pub span: Span,
}

impl<T> At<T> {
    pub(crate) fn try_map<U>(self, f: impl FnOnce(T) -> Result<U, Rule>) -> Result<At<U>, Broken> {
        match f(self.value) {
            Ok(value) => Ok(At {
                value,
                span: self.span,
            }),
            Err(rule) => broken(&self.span, rule),
        }
    }
}

impl<'a> Element<'a> {
    pub fn new(node: Node<'a, 'a>) -> Self {
        Element(node)
    }

    pub fn tag(&self) -> &'a str {
        self.0.tag_name().name()
    }

    /// The place of the opening tag's name, where messages show the element.
    pub fn span(&self) -> Span {
        let start = self.0.range().start;
        start..start + 1 + self.tag().len()
    }

    /// Checks that the element has only these attributes.
    pub fn attributes(&self, known: &[&str]) -> Result<(), Broken> {
        match self.0.attributes().find(|a| !known.contains(&a.name())) {
            Some(a) => broken(
                &a.range(),
                Rule::UnknownAttribute(self.tag().to_owned(), a.name().to_owned()),
            ),
            None => Ok(()),
        }
    }

    /// The child elements, all of which must have one of these names.
    pub fn children(&self, known: &[&str]) -> Result<Vec<Element<'a>>, Broken> {
        if let Some((node, text)) = self.0.children().find_map(stray_text) {
            // The caret belongs under the text, not under the line's end before it.
            let raw = node.range();
            let lead = text.len() - text.trim_start().len();
            let start = (raw.start + lead).min(raw.end.saturating_sub(1));
            let rule = Rule::Text(self.tag().to_owned());
            return broken(&(start..raw.end.min(start + text.trim().len())), rule);
        }
        let children: Vec<_> = self
            .0
            .children()
            .filter(Node::is_element)
            .map(Element)
            .collect();
        match children.iter().find(|c| !known.contains(&c.tag())) {
            Some(c) => broken(
                &c.span(),
                Rule::UnknownElement(c.tag().to_owned(), self.tag().to_owned()),
            ),
            None => Ok(children),
        }
    }

    /// The only child of this name, if any.
    pub fn only(
        &self,
        name: &str,
        children: &[Element<'a>],
    ) -> Result<Option<Element<'a>>, Broken> {
        let mut of_name = children.iter().filter(|c| c.tag() == name);
        let first = of_name.next().copied();
        match of_name.next() {
            Some(second) => broken(&second.span(), Rule::OnlyOnce(name.to_owned())),
            None => Ok(first),
        }
    }

    fn attribute(&self, name: &str) -> Option<Attribute<'a, 'a>> {
        self.0.attributes().find(|a| a.name() == name)
    }

    /// A text, if given.
    pub fn text(&self, name: &str) -> Option<At<String>> {
        self.attribute(name).map(|a| At {
            value: a.value().to_owned(),
            span: a.range_value(),
        })
    }

    /// A text that must be given.
    pub fn required(&self, name: &'static str) -> Result<At<String>, Broken> {
        match self.text(name) {
            Some(text) => Ok(text),
            None => broken(
                &self.span(),
                Rule::MissingAttribute(self.tag().to_owned(), name),
            ),
        }
    }

    /// A number, if given.
    pub fn number(&self, name: &str) -> Result<Option<At<u64>>, Broken> {
        self.text(name)
            .map(|t| t.try_map(|t| value::number(&t)))
            .transpose()
    }

    /// A number that must be given.
    pub fn required_number(&self, name: &'static str) -> Result<At<u64>, Broken> {
        self.required(name)?.try_map(|t| value::number(&t))
    }

    /// A number with a default.
    pub fn number_or(&self, name: &str, default: u64) -> Result<At<u64>, Broken> {
        Ok(self.number(name)?.unwrap_or(At {
            value: default,
            span: self.span(),
        }))
    }

    /// A number that must be given and lie within bounds.
    pub fn bounded(&self, name: &'static str, low: u64, high: u64) -> Result<At<u64>, Broken> {
        let number = self.required_number(name)?;
        bounds(number, name, low, high)
    }

    /// A number in decimal digits that must be given and lie within bounds.
    pub fn identifier(&self, name: &'static str, low: u64, high: u64) -> Result<At<u64>, Broken> {
        let number = self.required(name)?.try_map(|t| value::decimal(&t))?;
        match u64::try_from(number.value) {
            Ok(value) if (low..=high).contains(&value) => Ok(At {
                value,
                span: number.span,
            }),
            _ => broken(&number.span, Rule::Bounds(name, low, high)),
        }
    }

    /// `true` or `false`, with a default.
    pub fn boolean(&self, name: &str, default: bool) -> Result<bool, Broken> {
        match self.text(name) {
            Some(text) => Ok(text.try_map(|t| value::boolean(&t))?.value),
            None => Ok(default),
        }
    }

    /// One of some words.
    pub fn choice<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, Broken> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match words.iter().find(|(word, _)| *word == text.value) {
            Some((_, meaning)) => Ok(Some(*meaning)),
            None => {
                let all = words
                    .iter()
                    .map(|(word, _)| format!("'{word}'"))
                    .collect::<Vec<_>>()
                    .join(", ");
                broken(&text.span, Rule::Choice(text.value, all))
            }
        }
    }
}

/// A text node that is not only white space.
fn stray_text<'a>(node: Node<'a, 'a>) -> Option<(Node<'a, 'a>, &'a str)> {
    let text = node.text().filter(|_| node.is_text())?;
    (!text.trim().is_empty()).then_some((node, text))
}

/// `number`, within bounds.
pub(crate) fn bounds(
    number: At<u64>,
    name: &'static str,
    low: u64,
    high: u64,
) -> Result<At<u64>, Broken> {
    if (low..=high).contains(&number.value) {
        return Ok(number);
    }
    broken(&number.span, Rule::Bounds(name, low, high))
}
