// SPDX-License-Identifier: BSD-2-Clause
//! Every target takes its seeds, what fuzzing has found worth keeping (`tests/corpus/TARGET`), and some changes of both.
#![allow(missing_docs)]

use std::fs;
use std::path::Path;

use molt_fuzz::{TARGETS, Target};

/// Changed inputs of each target.
const CHANGED: usize = 400;

fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/corpus")
        .join(target.name);
    let files = fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = files.map(|file| file.path()).collect();
    files.sort();
    let read = |path| fs::read(path).expect("a file of the corpus can be read");
    let mut corpus: Vec<_> = files.into_iter().map(read).collect();
    corpus.extend((target.seeds)());
    corpus
}

/// A change as fuzzers make them.
fn change(random: &mut fastrand::Rng, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = random.usize(..=bytes.len());
    match random.u8(..5) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.u8(..8),
        1 if at < bytes.len() => bytes[at] = random.u8(..),
        2 => bytes.truncate(at),
        3 => bytes.insert(at, random.u8(..)),
        _ => {
            let from = random.usize(..=other.len());
            let count = random.usize(..=16).min(other.len() - from);
            bytes.splice(at..at, other[from..from + count].iter().copied());
        }
    }
}

#[test]
fn no_target_finds_a_fault() {
    for target in &TARGETS {
        let corpus = corpus(target);
        assert!(!corpus.is_empty(), "{} has no seeds", target.name);
        corpus.iter().for_each(|bytes| (target.run)(bytes));
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..CHANGED {
            let mut bytes = random.choice(&corpus).expect("seeds").clone();
            for _ in 0..=random.u8(..4) {
                let other = random.choice(&corpus).expect("seeds");
                change(&mut random, &mut bytes, other);
            }
            (target.run)(&bytes);
        }
    }
}
