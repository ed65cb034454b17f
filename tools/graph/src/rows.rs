// SPDX-License-Identifier: BSD-2-Clause
//! Decides which boxes are in one row: those with the same task; rows with the highest priority come first.

use molt_sdf::System;
use molt_sdf::model::{DomainId, ProtectionDomain, Role};

/// Boxes in a row at most.
const WIDEST: usize = 4;

/// `all` in parts of about the same length, none longer than `most`.
pub fn chunks(all: Vec<usize>, most: usize) -> Vec<Vec<usize>> {
    let parts = all.len().div_ceil(most).max(1);
    let length = all.len().div_ceil(parts).max(1);
    all.chunks(length).map(<[usize]>::to_vec).collect()
}

/// What stands at the left of a PD's row.
fn layer(system: &System, index: DomainId, domain: &ProtectionDomain) -> String {
    let is_client = system.clients().contains(&index);
    match domain.role {
        Some(Role::Stage) => "stage".to_owned(),
        Some(_) => "update and services".to_owned(),
        None if domain.replaceable.is_some() => "drivers".to_owned(),
        None if domain.machine.is_some() => "VMMs with guests".to_owned(),
        None if is_client => "clients".to_owned(),
        None => format!("priority {}", domain.schedule.priority),
    }
}

/// The PDs' rows from top to bottom.
pub fn of_domains(system: &System) -> Vec<(String, Vec<DomainId>)> {
    let mut layers: Vec<(String, Vec<DomainId>)> = Vec::new();
    for (index, domain) in system.domains.iter().enumerate() {
        let label = layer(system, index, domain);
        match layers.iter_mut().find(|(other, _)| *other == label) {
            Some((_, row)) => row.push(index),
            None => layers.push((label, vec![index])),
        }
    }
    let priority = |d: &DomainId| system.domains[*d].schedule.priority;
    layers.sort_by_key(|(_, row)| std::cmp::Reverse(row.iter().map(priority).max()));
    let mut rows = Vec::new();
    for (label, row) in layers {
        for part in chunks(row, WIDEST) {
            rows.push((label.clone(), part));
        }
    }
    rows
}
