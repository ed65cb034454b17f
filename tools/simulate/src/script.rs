// SPDX-License-Identifier: BSD-2-Clause
//! The script of a run: offers and faults with their times. It is made from the seed, and is a list, so that a failing
//! run can be shortened by leaving out entries.

use crate::choices::Choices;
use crate::client::{Manner, Wish};
use crate::driver::Kind;
use crate::plan::{CLIENTS, UPDATERS};
use crate::shape::Shape;
use crate::stage::Flaw;
use crate::technique::Technique;

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A client offers an image and, in time or not, confirms it.
    Offer {
        client: usize,
        /// The component that it is offered for, and the image for it.
        component: usize,
        kind: Kind,
        /// The image for the other component: the bundle is for both.
        other: Option<Kind>,
        /// The sequence number above the committed one; 0: not above. Of two components, above the higher one.
        ahead: u64,
        then: Option<Wish>,
    },
    /// A client exchanges its bundle for both components for another one between the two copies of it, once.
    Exchanges { client: usize },
    /// A client offers a list of keys and, in time or not, confirms it.
    Keys {
        client: usize,
        component: usize,
        /// The sequence number above that of the list in force; 0: not above.
        ahead: u64,
        then: Option<Wish>,
    },
    /// A client offers and confirms a good image that a key of an earlier list signed, if there is one.
    OldKey { client: usize, component: usize },
    /// A client rings for something else.
    Ring {
        client: usize,
        component: usize,
        wish: Wish,
    },
    /// A client turns hostile.
    Hostile { client: usize, manner: Manner },
    /// A client says for how long it defers updates, in us; 0: not any more.
    Defers {
        client: usize,
        component: usize,
        us: u64,
    },
    /// The operator forces the update of a component that is under way, if there is one.
    Forces { component: usize },
    /// The operator types a line.
    Types(&'static str),
    /// The generation that runs crashes.
    Crash { component: usize },
    /// The generation that runs does not answer any more.
    Hang { component: usize },
    /// The next answers of `stage`.
    Stage(Flaw),
    /// How long the device takes to stop, in us; `None`: it never stops.
    Stops {
        component: usize,
        takes: Option<u64>,
    },
    /// The call of the trait after this many others fails.
    CallFails(u64),
    /// A word of the report page is overwritten by the driver.
    ReportSpoilt {
        component: usize,
        word: u64,
        value: u64,
    },
}

/// An entry: when, in us, and what.
pub type Entry = (u64, What);

/// What an operator types; the last one is noise.
pub const LINES: [&str; 9] = [
    "rollback disk",
    "rollback disk",
    "restore disk",
    "freeze disk",
    "thaw disk",
    "readmit first",
    "readmit third",
    "list",
    "#9 approve disk 00000000\u{7f}",
];

/// What an operator of two components types for the second one.
const OTHER_LINES: [&str; 5] = [
    "rollback backup",
    "restore backup",
    "freeze backup",
    "thaw backup",
    "readmit second",
];

/// Entries at most.
pub const ENTRIES: usize = 16;

/// The script of a run.
pub fn script(choices: &mut Choices, shape: Shape) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut at = 20_000;
    for _ in 0..=choices.below(3) {
        at += choices.below(120_000);
        let may_not = usize::from(choices.once_in(4));
        let client = pick(choices, UPDATERS + may_not);
        let kind = kind(choices);
        let then = match choices.below(8) {
            0 => None,
            1 => Some(Wish::ConfirmWrong),
            2 => Some(Wish::Cancel),
            _ => Some(Wish::Confirm),
        };
        let ahead = u64::from(!choices.once_in(8)) * (1 + choices.below(3));
        let offer = What::Offer {
            client,
            component: 0,
            kind,
            other: None,
            ahead,
            then,
        };
        let offer = match shape.is_pair() {
            true => of_two(choices, offer),
            false => offer,
        };
        entries.push((at, offer));
        if (shape.is_pair() || shape.technique == Technique::Unplug) && choices.once_in(4) {
            let component = part(choices, shape);
            let later = at + choices.below(60_000);
            entries.push((later, What::Forces { component }));
        }
        if shape.is_pair() && choices.once_in(8) {
            entries.push((at, What::Exchanges { client: 0 }));
        }
    }
    let end = at + 150_000;
    for _ in 0..choices.below(4) {
        let at = choices.below(end);
        entries.push((at, fault(choices, shape)));
    }
    // Drawn last, so that earlier seeds have the offers and faults that they had.
    if choices.once_in(2) {
        for _ in 0..=choices.below(3) {
            let at = choices.below(end + 100_000);
            let line = LINES[pick(choices, LINES.len())];
            let line = match part(choices, shape) {
                0 => line,
                _ => OTHER_LINES[pick(choices, OTHER_LINES.len())],
            };
            entries.push((at, What::Types(line)));
        }
    }
    if choices.once_in(3) {
        for _ in 0..=choices.below(3) {
            let at = choices.below(end + 100_000);
            let client = pick(choices, UPDATERS);
            let component = part(choices, shape);
            let what = match choices.below(4) {
                0 => What::OldKey { client, component },
                n => What::Keys {
                    client,
                    component,
                    ahead: choices.below(3),
                    then: (n != 1).then_some(Wish::Confirm),
                },
            };
            entries.push((at, what));
        }
    }
    if choices.once_in(3) {
        for _ in 0..=choices.below(5) {
            let at = choices.below(end + 100_000);
            let us = choices.below(120_000) * choices.below(3).min(1);
            let client = pick(choices, CLIENTS);
            let component = part(choices, shape);
            let defers = What::Defers {
                client,
                component,
                us,
            };
            entries.push((at, defers));
        }
    }
    entries.sort_by_key(|(at, _)| *at);
    entries.truncate(ENTRIES);
    entries
}

/// The same offer where there are two components: mostly for both, and mostly by the client that may update both.
fn of_two(choices: &mut Choices, offer: What) -> What {
    let What::Offer {
        client,
        kind,
        ahead,
        then,
        ..
    } = offer
    else {
        return offer;
    };
    let both = !choices.once_in(3);
    What::Offer {
        client: if choices.once_in(3) { client } else { 0 },
        component: pick(choices, 2),
        kind,
        other: both.then(|| self::kind(choices)),
        ahead,
        then,
    }
}

fn kind(choices: &mut Choices) -> Kind {
    if choices.once_in(2) {
        Kind::Good
    } else {
        Kind::ALL[pick(choices, Kind::ALL.len())]
    }
}

fn fault(choices: &mut Choices, shape: Shape) -> What {
    let component = part(choices, shape);
    match choices.below(10) {
        0 => What::Ring {
            client: pick(choices, CLIENTS),
            component,
            wish: [Wish::Confirm, Wish::Cancel, Wish::Forgive][pick(choices, 3)],
        },
        1 | 2 => What::Hostile {
            client: pick(choices, CLIENTS),
            manner: Manner::HOSTILE[pick(choices, Manner::HOSTILE.len())],
        },
        3 => What::Crash { component },
        4 => What::Hang { component },
        5 => What::Stage(Flaw::ALL[pick(choices, Flaw::ALL.len())]),
        6 => What::Stops {
            component,
            takes: match choices.below(8) {
                0 => None,
                _ => Some(choices.below(30_000)),
            },
        },
        7 => What::ReportSpoilt {
            component,
            word: choices.below(16),
            value: choices.word() >> choices.below(64),
        },
        _ => What::CallFails(choices.below(400)),
    }
}

/// Which component it is about.
fn part(choices: &mut Choices, shape: Shape) -> usize {
    match shape.is_pair() {
        true => pick(choices, shape.components),
        false => 0,
    }
}

fn pick(choices: &mut Choices, count: usize) -> usize {
    choices.below(count as u64) as usize
}
