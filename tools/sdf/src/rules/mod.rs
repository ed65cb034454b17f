// SPDX-License-Identifier: BSD-2-Clause
//! The rules that concern more than one element.

mod channels;
mod clients;
mod cores;
mod domains;
mod doorbells;
mod identifiers;
mod mappings;
mod names;
mod pass_through;
mod regions;
mod replaceable;
mod rom;
mod techniques;
mod vcpus;

use crate::error::Broken;
use crate::model::System;

/// Checks all of them, in the order in which their messages help most.
pub(crate) fn check(system: &System) -> Result<(), Broken> {
    names::check(system)?;
    domains::check(system)?;
    regions::check(system)?;
    identifiers::check(system)?;
    vcpus::check(system)?;
    mappings::check(system)?;
    channels::check(system)?;
    cores::check(system)?;
    replaceable::check(system)?;
    clients::check(system)?;
    techniques::check(system)?;
    doorbells::check(system)
}
