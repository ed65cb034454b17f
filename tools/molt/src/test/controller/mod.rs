// SPDX-License-Identifier: BSD-2-Clause
//! The controller's firmware in its emulated machine, without the main one: the host is the line's other end.

mod bench;
mod cases;
mod cuts;

use anyhow::Result;

use super::count::Count;
use crate::output::say;
use crate::toolchain::Toolchain;
use bench::Bench;

/// Power cuts of a test run.
const SHORT: usize = 5;
/// Those of a long one.
const LONG: usize = 200;

/// A test, by what it shows.
type Case = (&'static str, fn(&Bench) -> Result<String>);

const CASES: [Case; 8] = [
    ("update while sensors are read", cases::update),
    ("an unconfirmed firmware goes back", cases::unconfirmed),
    ("a firmware that faults or hangs goes back", cases::faulty),
    (
        "a firmware that gives nonsense is known by it",
        cases::nonsense,
    ),
    ("a firmware of another key is refused", cases::foreign),
    (
        "a firmware below the security counter is refused",
        cases::older,
    ),
    ("update over a line with bit errors", cases::garbled),
    ("a controller without firmware takes one", cases::empty),
];

/// Runs them.
pub fn run(toolchain: &Toolchain, filter: Option<&str>, long: bool) -> Result<Count> {
    let cuts = if long { LONG } else { SHORT };
    let cut = format!("the controller's power cut at random {cuts} times");
    let wanted = |name: &str| filter.is_none_or(|filter| name.contains(filter));
    let cases: Vec<_> = CASES.iter().filter(|(name, _)| wanted(name)).collect();
    let number = cases.len() + usize::from(wanted(&cut));
    if number == 0 {
        return Ok(Count::default());
    }
    if let Some(why) = toolchain.lacks_controller() {
        say!("skip   {number} tests of the controller: {why}");
        let skipped = number;
        return Ok(Count {
            skipped,
            ..Count::default()
        });
    }
    let bench = Bench::prepare(toolchain)?;
    let mut count = Count::default();
    let mut one = |name: &str, result: Result<String>| {
        match &result {
            Ok(seen) => say!("ok     {name}: {seen}"),
            Err(error) => say!("FAILED {name}: {error:#}"),
        }
        count += Count::of(result.is_ok());
    };
    for (name, case) in cases {
        one(name, case(&bench));
    }
    if wanted(&cut) {
        one(&cut, cuts::run(&bench, cuts));
    }
    Ok(count)
}
