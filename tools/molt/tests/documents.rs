// SPDX-License-Identifier: BSD-2-Clause
//! The documents refer only to files and sections that exist.
#![forbid(unsafe_code)]
#![allow(missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

/// Folders whose files the documents name in backticks.
const FOLDERS: [&str; 10] = [
    "boards/", "docs/", "drivers/", "kernel/", "lib/", "loader/", "pds/", "sel4/", "tests/",
    "tools/",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn documents() -> Vec<PathBuf> {
    let folder = fs::read_dir(root().join("docs")).expect("docs");
    let mut all: Vec<_> = folder
        .map(|entry| entry.expect("an entry").path())
        .collect();
    all.retain(|path| path.extension().is_some_and(|ending| ending == "md"));
    all.push(root().join("README.md"));
    all
}

/// The text outside of code blocks.
fn prose(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_else(|_| panic!("{}", path.display()));
    let parts = text.split("```").step_by(2);
    parts.collect::<Vec<_>>().join("\n")
}

/// The texts between each `open` and the next `close`.
fn between<'a>(text: &'a str, open: &'a str, close: char) -> impl Iterator<Item = &'a str> {
    let pieces = text.split(open).skip(1);
    pieces.filter_map(move |piece| piece.split(close).next())
}

/// The anchor that a heading gets: lower case, punctuation left out, hyphens for spaces.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter_map(|c| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        _ if c.is_alphanumeric() => Some(c.to_ascii_lowercase()),
        _ => None,
    });
    kept.collect()
}

fn has_section(path: &Path, wanted: &str) -> bool {
    let text = prose(path);
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| anchor(line.trim_start_matches('#')))
        .any(|anchor| anchor == wanted)
}

#[test]
fn links_lead_to_files_and_sections() {
    for document in documents() {
        let text = prose(&document);
        for link in between(&text, "](", ')').filter(|link| !link.starts_with("http")) {
            let (file, section) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => document.clone(),
                _ => document.parent().expect("a folder").join(file),
            };
            let place = document.display();
            assert!(target.exists(), "{place}: {link}: there is no such file");
            assert!(
                section.is_empty() || has_section(&target, section),
                "{place}: {link}: there is no such section"
            );
        }
    }
}

#[test]
fn paths_in_backticks_exist() {
    for document in documents() {
        let text = prose(&document);
        for name in text.split('`').skip(1).step_by(2) {
            let is_path = FOLDERS.iter().any(|folder| name.starts_with(folder))
                && !name.contains([' ', '*', '<'])
                && !name.contains("NAME");
            assert!(
                !is_path || root().join(name).exists(),
                "{}: `{name}`: there is no such file",
                document.display()
            );
        }
    }
}
