// SPDX-License-Identifier: BSD-2-Clause
//! What an exploration has found.

use std::fmt::Debug;
use std::hash::Hash;

use stateright::{Checker, Model};

/// Every rule holds in every state, and all that should happen happens. Prints how many states there are, `of` what.
/// `broken`: the rule that a state itself has seen broken.
pub fn holds<M, B: Debug>(
    checker: &impl Checker<M>,
    rules: impl IntoIterator<Item = &'static str>,
    of: &str,
    broken: impl Fn(&M::State) -> B,
) where
    M: Model<State: Clone + PartialEq + Debug + Hash, Action: Clone + PartialEq + Debug>,
{
    println!(
        "{} states {of}, {} steps deep",
        checker.unique_state_count(),
        checker.max_depth()
    );
    for name in rules {
        if let Some(path) = checker.discovery(name) {
            let broken = broken(path.last_state());
            let last = format!("{:#?}", path.last_state());
            panic!(
                "{name}: {broken:?} after {:#?}\n{last}",
                path.into_actions()
            );
        }
    }
    checker.assert_properties();
}

/// Some rule is broken by the mutant. Prints which.
pub fn noticed<M, B: Debug>(
    checker: &impl Checker<M>,
    rules: impl IntoIterator<Item = &'static str>,
    mutant: impl Debug,
    broken: impl Fn(&M::State) -> Option<B>,
) where
    M: Model<State: Clone + PartialEq + Debug + Hash, Action: Clone + PartialEq + Debug>,
{
    let found = (rules.into_iter()).find_map(|name| Some((name, checker.discovery(name)?)));
    let (name, path) = found.unwrap_or_else(|| panic!("no rule notices {mutant:?}"));
    println!("{mutant:?}: {name} {:?}", broken(path.last_state()));
}
