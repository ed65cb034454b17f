// SPDX-License-Identifier: BSD-2-Clause
//! `technique=…` of a client's share.

use super::Names;
use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::{StandIn, Techniques};
use crate::xml::Element;

const KNOWN: &str = "'hold', 'unplug', 'pause', 'stand-in', or several of these";

/// Reads the attribute of the share `element`, whose name is the class of the device. What the class cannot have is refused, and
/// what makes no sense together.
pub fn techniques(element: Element) -> Result<Techniques, Broken> {
    let mut all = Techniques::default();
    let Some(text) = element.text("technique") else {
        return Ok(all);
    };
    let mut holds = false;
    let mut words = text.value.split_whitespace();
    let mut word = words.next().unwrap_or_default();
    loop {
        match word {
            "hold" => holds = true,
            "unplug" => all.unplug = true,
            "pause" => all.pause = true,
            "stand-in" => all.stand_in = true,
            _ => return broken(&text.span, Rule::Choice(word.to_owned(), KNOWN.to_owned())),
        }
        match words.next() {
            Some(next) => word = next,
            None => break,
        }
    }
    for name in all.names() {
        if let Some(reason) = never(element.tag(), name) {
            let class = element.tag().to_owned();
            return broken(&text.span, Rule::Technique(class, name, reason));
        }
    }
    let together = match (holds, all.first()) {
        (true, Some(other)) => Some((
            "hold",
            other,
            "requests are held where no other technique is given",
        )),
        _ if all.unplug && all.pause => Some((
            "unplug",
            "pause",
            "a guest that stands still does not see its link go down",
        )),
        _ if all.unplug && all.stand_in => Some((
            "unplug",
            "stand-in",
            "nobody asks a disk that is unplugged for anything",
        )),
        _ => None,
    };
    match together {
        Some((a, b, reason)) => broken(&text.span, Rule::TechniquesTogether(a, b, reason)),
        None => Ok(all),
    }
}

/// Why a client of this class cannot have this technique; `None`: it can.
fn never(class: &str, technique: &str) -> Option<&'static str> {
    Some(match (class, technique) {
        ("entropy" | "sensor", "unplug") => {
            "only a network card and a disk can be unplugged without an error in the guest"
        }
        ("network", "stand-in") => "frames of others cannot be made up",
        ("entropy", "stand-in") => "bytes that were given before are not random",
        _ => return None,
    })
}

/// The memory of a disk's stand-in, if it is given.
pub fn stand_in(element: Element, names: &Names) -> Result<Option<StandIn>, Broken> {
    let Some(region) = element.text("stand_in") else {
        return match element.text("log") {
            Some(log) => broken(
                &log.span,
                Rule::MissingAttribute(element.tag().to_owned(), "stand_in"),
            ),
            None => Ok(None),
        };
    };
    Ok(Some(StandIn {
        region: names.region(&region)?,
        log: element.required_number("log")?.value,
    }))
}
