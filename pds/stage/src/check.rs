// SPDX-License-Identifier: BSD-2-Clause
//! Copies a bundle or a list of keys out of a guest's memory and verifies the copy.

use heapless::Vec;
use molt_bundle::{
    Component, Identity, Keys, MAX_OTHERS, Machine, Other, Reason, Trust, Verified, Window,
    verify_with_progress,
};
use molt_control::digest::words;
use molt_control::stage::Results;
use molt_suit::keylist::Ring;
use molt_system::{StageBrief, StageComponent};

use crate::brief;

/// Bytes copied between two reports of progress.
const STEP: usize = 64 * 1024;

/// Copies the bundle first; from here on only the copy is read.
pub fn copy(
    stage: &StageBrief,
    component: &StageComponent,
    client: usize,
    slot: usize,
    length: u64,
    progress: impl Fn(u64),
) -> Result<&'static [u8], Reason> {
    let mut stagings = stage.stagings().iter();
    let staging = stagings
        .find(|s| s.client as usize == client)
        .ok_or(Reason::NotAllowed)?;
    let length = usize::try_from(length).map_err(|_| Reason::TooLarge)?;
    let memory = brief::staging(staging);
    if length > memory.size() {
        return Err(Reason::BadLength);
    }
    let slot = brief::slot_mut(component, slot).ok_or(Reason::Internal)?;
    let copy = slot.get_mut(..length).ok_or(Reason::TooLarge)?;
    for (index, chunk) in copy.chunks_mut(STEP).enumerate() {
        memory.read(index * STEP, chunk).ok_or(Reason::BadLength)?;
        progress((index * STEP * 1000 / length) as u64);
    }
    Ok(copy)
}

/// Verifies a bundle that nobody can write any more.
pub fn verify<'a>(
    stage: &StageBrief,
    component: &StageComponent,
    keys: &Ring,
    bundle: &'a [u8],
    committed: u64,
    progress: impl Fn(u64),
) -> Result<Verified<'a>, Reason> {
    check(
        stage,
        component,
        bundle,
        Trust::Keys(keys),
        Some(committed),
        progress,
    )
}

/// The factory image in its slot.
pub fn factory(
    stage: &StageBrief,
    component: &StageComponent,
) -> Result<Verified<'static>, Reason> {
    let slot = brief::slot(component, 0).ok_or(Reason::Internal)?;
    let length = usize::try_from(component.factory_length).map_err(|_| Reason::Truncated)?;
    let bundle = slot.get(..length).ok_or(Reason::Truncated)?;
    check(stage, component, bundle, Trust::Image, None, |_| ())
}

/// Verifies a list of keys that nobody can write any more, which is to replace list `in_force`.
pub fn verify_keys(
    component: &StageComponent,
    keys: &mut Keys,
    list: &[u8],
    in_force: u64,
) -> Result<Results, Reason> {
    let sequence = keys.verify(list, &identity(component), in_force);
    Ok(Results {
        keys: true,
        sequence: sequence.map_err(|refusal| refusal.reason)?,
        manifest: digest(list),
        ..Results::default()
    })
}

/// The other components, with their indices.
fn others<'a>(
    stage: &'a StageBrief,
    component: &'a StageComponent,
) -> impl Iterator<Item = (usize, &'a StageComponent)> {
    let all = stage.components().iter().enumerate();
    all.filter(|(_, other)| !core::ptr::eq(*other, component))
}

/// The results that are reported for a verified bundle of component `index`.
pub fn results(
    stage: &StageBrief,
    component: &StageComponent,
    index: usize,
    verified: &Verified<'_>,
) -> Results {
    let others = others(stage, component).enumerate();
    let others = others.filter(|(n, _)| verified.others & 1 << n != 0);
    let components = others.fold(1 << index, |set, (_, (other, _))| set | 1 << other);
    Results {
        components,
        sequence: verified.sequence,
        digest: words(&verified.digest),
        length: verified.payload.len() as u64,
        ..Results::default()
    }
}

/// The machine that this program is built for.
const MACHINE: Machine = if cfg!(target_arch = "x86_64") {
    Machine::X86_64
} else {
    Machine::Aarch64
};

/// SHA-256 of a bundle.
pub fn digest(bundle: &[u8]) -> [u64; 4] {
    words(&molt_suit::sha256(bundle))
}

/// The digest of a bundle's manifest, as its envelope has it; zeros if there is none.
pub fn manifest(bundle: &[u8]) -> [u64; 4] {
    words(&molt_suit::claimed_digest(bundle).unwrap_or_default())
}

/// Where an image of this component may lie.
pub fn window(component: &StageComponent) -> Window {
    let (start, end) = component.image_range();
    Window {
        machine: MACHINE,
        start,
        end,
        memory: u64::from(component.arena_count) << component.arena_size_bits,
    }
}

fn identity(component: &StageComponent) -> Identity {
    let identity = &component.identity;
    Identity {
        vendor: identity.vendor,
        class: identity.class,
        device: identity.device,
    }
}

fn check<'a>(
    stage: &StageBrief,
    component: &StageComponent,
    bundle: &'a [u8],
    trust: Trust<'_>,
    committed: Option<u64>,
    progress: impl Fn(u64),
) -> Result<Verified<'a>, Reason> {
    let others: Vec<Other<'_>, MAX_OTHERS> = others(stage, component)
        .map(|(_, other)| Other {
            class: other.identity.name.as_str().as_bytes(),
            identity: identity(other),
        })
        .collect();
    let wanted = Component {
        others: &others,
        class: component.identity.name.as_str().as_bytes(),
        identity: identity(component),
        window: window(component),
        configuration: stage.configuration,
        firmware: component.firmware.size,
    };
    verify_with_progress(bundle, &wanted, trust, committed, |done, all| {
        progress((done * 1000 / all.max(1)) as u64);
    })
    .map_err(|refusal| refusal.reason)
}
