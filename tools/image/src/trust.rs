// SPDX-License-Identifier: BSD-2-Clause
//! The keys that a component trusts, and the target's decision about a bundle, made on the host.

use crate::configuration::Configuration;
use crate::driver::{entry, firmware, identity, named, tables};
use crate::files::Files;
use crate::stage::ARENA_BITS;
use crate::{Error, KernelSource};
use molt_bundle::{Component, Machine, Other, Trust, Window};
use molt_sdf::model::{DomainId, Replaceable};
use molt_sdf::{Error as SdfError, Rule, System};
use molt_sdk::Arch;
use molt_suit::{PublicKey, Reason, Refusal, Roles, TrustedKey};
use molt_system::{MAX_KEYS, MAX_TABLES, StageComponent, TrustKey};

/// The keys of a component, as `stage`'s brief has them.
pub fn keys(
    system: &System,
    files: &Files,
    replaceable: &Replaceable,
) -> Result<Vec<TrustKey>, Error> {
    let mut keys = Vec::new();
    for trust in replaceable.trust.iter().take(MAX_KEYS) {
        let (_, content) = files.key(system, &trust.key)?;
        let key = molt_envelope::read_public(&content).map_err(|error| {
            let rule = Rule::Image(trust.key.value.clone(), error.to_string());
            SdfError::broken(&system.source, &trust.key.span, rule)
        })?;
        let role = |has: bool, role: Roles| if has { role.0 } else { 0 };
        keys.push(TrustKey {
            kind: match key {
                PublicKey::P256(_) => TrustKey::P256,
                PublicKey::Ed25519(_) => TrustKey::ED25519,
            },
            roles: role(trust.driver, Roles::DRIVER) | role(trust.keys, Roles::KEYS),
            point: key.to_bytes(),
        });
    }
    Ok(keys)
}

/// Whether `stage` would have the bundle built for the replaceable PD `component` of a system whose kernel is `kernel` and whose
/// keys are `keys`, after a bundle with the sequence number `committed`.
///
/// # Errors
/// The inner result has the reason for which it would be refused; the outer one an error in the system or kernel.
pub fn would_run(
    system: &System,
    component: DomainId,
    kernel: &KernelSource,
    keys: &[TrustedKey],
    committed: u64,
    bundle: &[u8],
) -> Result<Result<(), Refusal>, Error> {
    let domain = system.domains.get(component);
    let Some((domain, replaceable)) = domain.and_then(|d| Some((d, d.replaceable.as_ref()?)))
    else {
        return Err(Error::NoComponent(component.to_string()));
    };
    if bundle.len() as u64 > replaceable.bundle_size {
        return Ok(Err(Reason::TooLarge.into()));
    }
    let configuration = Configuration::of(kernel)?;
    let mut row = StageComponent {
        identity: identity(replaceable),
        entry: entry(configuration.top(), domain.stack_size),
        ..StageComponent::default()
    };
    let tables = tables(system, component);
    row.table_count = tables.len().min(MAX_TABLES) as u32;
    row.tables
        .iter_mut()
        .zip(&tables)
        .for_each(|(to, from)| *to = *from);
    let (start, end) = row.image_range();
    let firmware = firmware(system, component).size;
    let others = system
        .components()
        .into_iter()
        .filter(|id| *id != component);
    let others = others.filter_map(|id| system.domains[id].replaceable.as_ref());
    let others: Vec<_> = others
        .map(|other| Other {
            class: other.class.as_bytes(),
            identity: named(other),
        })
        .collect();
    let component = Component {
        class: replaceable.class.as_bytes(),
        others: &others,
        identity: named(replaceable),
        window: Window {
            machine: match configuration.arch() {
                Arch::Aarch64 => Machine::Aarch64,
                Arch::X86_64 => Machine::X86_64,
            },
            start,
            end,
            memory: replaceable.arena >> ARENA_BITS << ARENA_BITS,
        },
        configuration: configuration.digest,
        firmware,
    };
    let verified = molt_bundle::verify(bundle, &component, Trust::Keys(keys), Some(committed));
    Ok(verified.map(|_| ()))
}
