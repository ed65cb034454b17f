// SPDX-License-Identifier: BSD-2-Clause
//! An operator's bytes: made into lines as `update` does it, read as commands, and typed into a system that is simulated, in which a
//! guest offers one update after another.

use std::cell::RefCell;
use std::collections::BTreeSet;

use molt_operator::{Assembler, LINE, parse};
use molt_simulate::{Entry, Kind, Ram, What, Wish, play};

/// Lines that are typed in one run.
const LINES: usize = 6;
/// The first is typed when the system has started, and then one each so many us.
const EACH: u64 = 40_000;

thread_local! {
    static RAM: Ram = Ram::new();
    static KNOWN: RefCell<BTreeSet<&'static str>> = const { RefCell::new(BTreeSet::new()) };
}

pub fn run(bytes: &[u8]) {
    let mut assembler = Assembler::default();
    let mut script: Vec<Entry> = Vec::new();
    for line in bytes.iter().filter_map(|byte| assembler.take(*byte)) {
        let Ok(line) = line else {
            continue;
        };
        assert!(line.len() <= LINE);
        let order = parse(&line);
        if order.command.is_ok() && script.len() < LINES {
            let at = 50_000 + EACH * script.len() as u64;
            let text = String::from_utf8(line.to_vec()).expect("a command is text");
            script.push((at, What::Types(kept(text))));
        }
    }
    if script.is_empty() {
        return;
    }
    let offer = |n: u64| {
        let what = What::Offer {
            client: 0,
            component: 0,
            kind: Kind::Good,
            ahead: 1,
            then: Some(Wish::Confirm),
            other: None,
        };
        (60_000 + 120_000 * n, what)
    };
    script.extend((0..3).map(offer));
    script.sort_by_key(|(at, _)| *at);
    let run = RAM.with(|ram| play(*ram, 0, script, None, false));
    assert_eq!(run.broken, None, "{:#?}", run.script);
}

/// The line, for ever: a script has lines that are. Each is kept once.
fn kept(line: String) -> &'static str {
    KNOWN.with_borrow_mut(|known| match known.get(line.as_str()) {
        Some(line) => line,
        None => {
            let line = &*line.leak();
            known.insert(line);
            line
        }
    })
}

pub fn seeds() -> Vec<Vec<u8>> {
    let lines = [
        "list\r#7 freeze disk\n#8 approve disk 00000000\nthaw disk\n",
        "rollback disk\nrestore disk\nreadmit first\n",
        "#1 forgive disk 0000\nrefuse disk 00\nlog 0\nlog\n",
        "#4294967296 list\n#x list\nlist disk more\n",
    ];
    lines.map(|line| line.as_bytes().to_vec()).to_vec()
}
