// SPDX-License-Identifier: BSD-2-Clause
//! Memory regions at fixed addresses do not overlap.

use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::System;

pub fn check(system: &System) -> Result<(), Broken> {
    let fixed: Vec<_> = system
        .regions
        .iter()
        .filter_map(|r| r.phys_addr.map(|a| (r, a..a.saturating_add(r.size))))
        .collect();
    for (i, (region, range)) in fixed.iter().enumerate() {
        for (other, before) in &fixed[..i] {
            if range.start < before.end && before.start < range.end {
                return broken(
                    &region.span,
                    Rule::RegionOverlap(region.name.clone(), other.name.clone()),
                );
            }
        }
    }
    Ok(())
}
