// SPDX-License-Identifier: BSD-2-Clause
//! From a guest's staging region to an image that may be built.

use molt_bundle::{
    Component, HEADER_LENGTH, Identity, Reason, Verified, Window, verify_with_progress,
};
use molt_control::stage::Results;
use molt_system::{StageBrief, StageComponent};

use crate::brief;

/// Lowest address of an image.
const IMAGE: u64 = 0x20_0000;
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
pub fn verify(
    stage: &StageBrief,
    component: &StageComponent,
    bundle: &[u8],
    committed: Option<u64>,
    progress: impl Fn(u64),
) -> Result<Results, Reason> {
    let verified = check(stage, component, bundle, committed, progress)?;
    let mut digest = [0; 4];
    for (word, bytes) in digest.iter_mut().zip(verified.digest.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    Ok(Results {
        sequence: verified.sequence,
        digest,
        length: verified.payload.len() as u64,
        slots: 0,
    })
}

/// The image in a slot that was verified before, or is the factory's.
pub fn image(component: &StageComponent, slot: usize) -> Result<&'static [u8], Reason> {
    let bytes = brief::slot(component, slot).ok_or(Reason::Internal)?;
    let (header, rest) = bytes
        .split_at_checked(HEADER_LENGTH)
        .ok_or(Reason::Truncated)?;
    let header: &[u8; HEADER_LENGTH] = header.try_into().map_err(|_| Reason::Truncated)?;
    let length = molt_bundle::Header::of(header).payload_length.get();
    let length = usize::try_from(length).map_err(|_| Reason::Truncated)?;
    rest.get(..length).ok_or(Reason::Truncated)
}

/// Where an image of this component may lie: from [`IMAGE`] to the first thing above that is mapped for it.
pub fn window(component: &StageComponent) -> Window {
    let entry = &component.entry;
    let fixed = [
        entry.brief,
        entry.ipc_buffer,
        entry.stack_top.saturating_sub(entry.stack_size),
    ];
    let above = component.tables().iter().map(|t| t.vaddr).chain(fixed);
    Window {
        start: IMAGE,
        end: above.filter(|a| *a > IMAGE).min().unwrap_or(IMAGE),
        memory: u64::from(component.arena_count) << component.arena_size_bits,
    }
}

fn check<'a>(
    stage: &StageBrief,
    component: &StageComponent,
    bundle: &'a [u8],
    committed: Option<u64>,
    progress: impl Fn(u64),
) -> Result<Verified<'a>, Reason> {
    let identity = &component.identity;
    let wanted = Component {
        identity: Identity {
            vendor: identity.vendor,
            class: identity.class,
            device: identity.device,
            abi: identity.abi,
            capsule: 0,
        },
        window: window(component),
        configuration: stage.configuration,
    };
    verify_with_progress(bundle, &wanted, committed, |done, all| {
        progress((done * 1000 / all.max(1)) as u64);
    })
}
