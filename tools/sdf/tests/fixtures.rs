// SPDX-License-Identifier: BSD-2-Clause
//! One description per rule that breaks just this rule, with the exact message; and descriptions that must pass.
//!
//! In `tests/fixtures/sdf`: `<rule>.system` or `<rule>-<what>.system` with `.expected` beside it, `good/*.system`, and
//! in `prefill` the files that regions are filled with. Those with `x86_64` in their names are for that architecture.
#![forbid(unsafe_code)]

mod common;

use common::{check, descriptions, folder};
use molt_sdf::model::{Duration, ScheduleEntry};
use molt_sdf::{Error, Rule, System};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Rules that only the kernel or the program images can break: `molt-image` tests them.
const OF_IMAGES: [&str; 18] = [
    "IoMapMissing",
    "NoCore",
    "NoInterrupt",
    "KernelInterrupt",
    "NoSmc",
    "PrefillDevice",
    "Slots",
    "NoRoom",
    "NoDomainScheduler",
    "NoMemory",
    "MapOverImage",
    "MapOverTool",
    "ImageMissing",
    "KeyMissing",
    "Image",
    "NoSymbol",
    "SymbolSize",
    "Fit",
];

/// `PageSize` as file names have it: `page_size`.
fn snake_case(variant: &str) -> String {
    let mut name = String::new();
    for letter in variant.chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

/// The rules, read from where they are declared.
fn rules() -> Vec<&'static str> {
    let declaration = include_str!("../src/rule.rs");
    let body = declaration
        .split_once("pub enum Rule {")
        .expect("the enum")
        .1;
    let body = body.split_once("\n}").expect("its end").0;
    body.lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
        .map(|line| {
            line.split(|c: char| !c.is_ascii_alphanumeric())
                .next()
                .unwrap_or(line)
        })
        .collect()
}

/// The rule that a fixture is named after.
fn rule_of(file: &str) -> &str {
    file.split(['-', '.']).next().unwrap_or(file)
}

#[test]
fn each_bad_description_is_refused_with_its_message() {
    let mut wrong = Vec::new();
    for path in descriptions(&folder()) {
        let file = path.file_name().unwrap().to_str().unwrap();
        let expected = std::fs::read_to_string(path.with_extension("expected"))
            .unwrap_or_else(|error| panic!("the message of {file}: {error}"));
        let error = match check(&path) {
            Ok(_) => {
                wrong.push(format!("{file} was accepted"));
                continue;
            }
            Err(error) => error,
        };
        let variant = format!("{:?}", error.rule().expect("a rule"));
        let variant = variant.split('(').next().unwrap();
        if snake_case(variant) != rule_of(file) {
            wrong.push(format!("{file} breaks {variant}"));
        }
        if format!("{error}\n") != expected {
            wrong.push(format!("expected:\n{expected}but it says:\n{error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_good_description_is_accepted() {
    let good = descriptions(&folder().join("good"));
    assert!(!good.is_empty());
    for path in good {
        if let Err(error) = check(&path) {
            panic!("{error}");
        }
    }
}

#[test]
fn pages_are_as_large_as_every_mapping_allows() {
    let system = check(&folder().join("good/page_sizes.system")).unwrap();
    let pages: Vec<u64> = system.regions.iter().map(|r| r.page_size).collect();
    assert_eq!(pages, [0x20_0000, 0x1000, 0x1000, 0x1000]);
}

#[test]
fn scheduling_domains_take_the_smallest_free_number() {
    let system = check(&folder().join("good/domains.system")).unwrap();
    let schedule = system.domain_schedule.expect("<domains>");
    let ids: Vec<u64> = schedule.domains.iter().map(|d| d.id.value).collect();
    assert_eq!(ids, [1, 0, 2]);
    let of_pds: Vec<_> = (system.domains.iter())
        .map(|d| d.scheduling_domain)
        .collect();
    assert_eq!(of_pds, [None, Some(0), Some(1), Some(2)]);
    assert!(matches!(
        schedule.entries[2],
        ScheduleEntry::Run { domain: 0, ref duration } if duration.value == Duration::Ticks(0x100)
    ));
}

#[test]
fn the_systems_of_the_repository_are_accepted() {
    let root = folder().join("../../..");
    let mut systems = vec![root.join("system.xml")];
    for entry in std::fs::read_dir(root.join("tests/systems"))
        .expect("systems")
        .flatten()
    {
        systems.extend(Some(entry.path()).filter(|p| p.extension().is_some_and(|e| e == "xml")));
    }
    for path in systems {
        if let Err(error) = check_without_files(&path) {
            panic!("{error}");
        }
    }
}

/// Checks a description whose prefill files are made when its system is built: here each has one byte.
fn check_without_files(path: &Path) -> Result<System, Error> {
    let files = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    loop {
        match molt_sdf::load(path, std::slice::from_ref(&files)) {
            Err(error) => match error.rule() {
                Some(Rule::PrefillMissing(name)) if !files.join(name).exists() => {
                    std::fs::write(files.join(name), b"x").expect("a file");
                }
                _ => return Err(error),
            },
            system => return system,
        }
    }
}

#[test]
fn every_rule_has_a_fixture() {
    let rules = rules();
    assert!(
        rules.len() > 60,
        "the declaration was not understood: {rules:?}"
    );
    let fixtures: BTreeSet<String> = descriptions(&folder())
        .iter()
        .map(|path| rule_of(path.file_name().unwrap().to_str().unwrap()).to_owned())
        .collect();
    let known: BTreeSet<String> = rules.iter().map(|rule| snake_case(rule)).collect();
    let missing: Vec<_> = rules
        .iter()
        .filter(|rule| !OF_IMAGES.contains(rule) && !fixtures.contains(&snake_case(rule)))
        .collect();
    assert!(missing.is_empty(), "no fixture breaks {missing:?}");
    let stray: Vec<_> = fixtures.difference(&known).collect();
    assert!(stray.is_empty(), "fixtures of no rule: {stray:?}");
}
