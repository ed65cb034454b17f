// SPDX-License-Identifier: BSD-2-Clause
//! Mappings of one address space do not overlap.

use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::{Map, System};

fn disjoint(system: &System, owner: &str, maps: &[Map]) -> Result<(), Broken> {
    for (i, map) in maps.iter().enumerate() {
        let range = map.range(system);
        for other in &maps[..i] {
            let before = other.range(system);
            if range.start < before.end && before.start < range.end {
                let (name, old) = (
                    &system.region(map.region).name,
                    &system.region(other.region).name,
                );
                let rule =
                    Rule::MapOverlap(name.clone(), range.start, owner.to_owned(), old.clone());
                return broken(&map.vaddr.span, rule);
            }
        }
    }
    Ok(())
}

pub fn check(system: &System) -> Result<(), Broken> {
    for domain in &system.domains {
        disjoint(system, &domain.name, &domain.maps)?;
        if let Some(machine) = &domain.machine {
            disjoint(system, &machine.name, &machine.maps)?;
        }
    }
    Ok(())
}
