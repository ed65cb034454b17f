// SPDX-License-Identifier: BSD-2-Clause
//! Random mutations of descriptions are accepted, or refused with a place in the text; nothing panics.
#![forbid(unsafe_code)]

mod common;

use common::{check_text, descriptions, folder};
use molt_sdf::Error;
use proptest::prelude::*;
use proptest::sample::Index;

/// What values are replaced by and what is put in anywhere.
const SNIPPETS: &[&str] = &[
    "",
    "0",
    "1",
    "61",
    "64",
    "0xffffffffffffffff",
    "0xfffffffffffff000",
    "0x8000000000000000",
    "0x1000",
    "-1",
    "18446744073709551616",
    "true",
    "rwx",
    "disk",
    "queue",
    "\"",
    "<",
    ">",
    "&#0;",
    "&amp;",
    "<![CDATA[",
    "<!--",
    "é𝄞\u{feff}",
    "\r\n\t",
    "<map mr=\"ram\" vaddr=\"0xfffffffffffff000\" />",
    "<protection_domain name=\"x\" id=\"0\">",
    "<virtual_machine name=\"x\"><vcpu id=\"0\" /></virtual_machine>",
];

#[derive(Clone, Debug)]
enum Mutation {
    /// Another value for one of the attributes.
    Value(Index, &'static str),
    /// One attribute's value for another.
    Swap(Index, Index),
    /// A line again, elsewhere.
    Repeat(Index, Index),
    /// A line less.
    Drop(Index),
    /// A text anywhere.
    Insert(Index, &'static str),
    /// The text ends here.
    Cut(Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let snippet = || prop::sample::select(SNIPPETS);
    prop_oneof![
        6 => (any::<Index>(), snippet()).prop_map(|(at, text)| Mutation::Value(at, text)),
        6 => (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Mutation::Swap(a, b)),
        4 => (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Mutation::Repeat(a, b)),
        4 => any::<Index>().prop_map(Mutation::Drop),
        2 => (any::<Index>(), snippet()).prop_map(|(at, text)| Mutation::Insert(at, text)),
        1 => any::<Index>().prop_map(Mutation::Cut),
    ]
}

/// Where the values between double quotes are.
fn values(text: &str) -> Vec<std::ops::Range<usize>> {
    let quotes: Vec<usize> = text.match_indices('"').map(|(at, _)| at).collect();
    quotes
        .chunks_exact(2)
        .map(|pair| pair[0] + 1..pair[1])
        .collect()
}

fn boundary(text: &str, at: Index) -> usize {
    let at = at.index(text.len() + 1);
    (0..=at)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

fn mutate(text: &str, mutation: &Mutation) -> String {
    let values = values(text);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    if values.is_empty() || lines.is_empty() {
        return text.to_owned();
    }
    let mut result = text.to_owned();
    match mutation {
        Mutation::Value(at, snippet) => result.replace_range(at.get(&values).clone(), snippet),
        Mutation::Swap(a, b) => {
            let other = text[b.get(&values).clone()].to_owned();
            result.replace_range(a.get(&values).clone(), &other);
        }
        Mutation::Repeat(from, to) => {
            let mut lines = lines.clone();
            lines.insert(to.index(lines.len()), lines[from.index(lines.len())]);
            result = lines.concat();
        }
        Mutation::Drop(at) => {
            let mut lines = lines.clone();
            lines.remove(at.index(lines.len()));
            result = lines.concat();
        }
        Mutation::Insert(at, snippet) => result.insert_str(boundary(text, *at), snippet),
        Mutation::Cut(at) => result.truncate(boundary(text, *at)),
    }
    result
}

/// The place that a message names is in the text, and the caret under it.
fn place_is_in(text: &str, error: &Error) {
    let message = error.to_string();
    let Error::Rule {
        place,
        text: line,
        indent,
        width,
        ..
    } = error
    else {
        panic!("{message}")
    };
    let mut parts = place.rsplit(':');
    let column: usize = parts.next().unwrap().parse().expect("a column");
    let row: usize = parts.next().unwrap().parse().expect("a line");
    let meant = text.split('\n').nth(row - 1).expect("a line of the text");
    assert_eq!(meant.trim_end_matches('\r'), line, "{message}");
    assert_eq!(column, indent + 1);
    assert!(*width >= 1);
    // A caret may stand behind the last character, where something is missing.
    assert!(indent + width <= line.chars().count() + 1, "{message}");
}

fn good() -> Vec<String> {
    let mut paths = descriptions(&folder().join("good"));
    paths.push(folder().join("../../../system.xml"));
    paths
        .iter()
        .map(|path| std::fs::read_to_string(path).expect("a description"))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mutated_description_is_never_a_panic(
        text in prop::sample::select(good()),
        mutations in prop::collection::vec(mutation(), 1..6),
    ) {
        let text = mutations.iter().fold(text, |text, mutation| mutate(&text, mutation));
        if let Err(error) = check_text("mutated.system", text.clone()) {
            place_is_in(&text, &error);
        }
    }

    #[test]
    fn any_text_is_never_a_panic(text in "(<|>|/|\"|=|system|map|[ -~]|\\PC|\n){0,80}") {
        if let Err(error) = check_text("any.system", text.clone()) {
            place_is_in(&text, &error);
        }
    }
}

/// Nesting is limited by the text only: it must not end up on the stack.
#[test]
fn deep_nesting_is_refused() {
    let deep = "<protection_domain name=\"a\" id=\"1\">".repeat(20_000);
    let closed = "</protection_domain>".repeat(20_000);
    let text = format!("<system>{deep}{closed}</system>");
    assert!(check_text("deep.system", text).is_err());
}
