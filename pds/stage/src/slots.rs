// SPDX-License-Identifier: BSD-2-Clause
//! The verified images in the bundle slots. An image is built only if it was verified in the slot in which it is.
//!
//! Nobody else can write to a slot, and before `stage` copies into one it forgets the image in it. So what is built is what
//! was verified, with the digest that was reported.

use heapless::Vec;
use molt_bundle::{Keys, Reason, Verified};
use molt_suit::keylist::Ring;
use molt_suit::{PublicKey, Roles, TrustedKey};
use molt_system::{MAX_COMPONENTS, StageBrief, StageComponent, TrustKey};

use crate::check;

/// Most bundle slots of a component.
const SLOTS: usize = 8;

/// An image that was verified.
#[derive(Clone, Copy)]
pub struct Image {
    /// The ELF, in its slot.
    pub bytes: &'static [u8],
    /// SHA-256 of what the bundle brings.
    pub digest: [u8; 32],
    /// The firmware for the device, in the same slot; empty: none. And SHA-256 of it.
    pub firmware: &'static [u8],
    /// See `firmware`.
    pub firmware_digest: [u8; 32],
}

/// `stage`'s record of a component.
#[derive(Default)]
pub struct Known {
    /// Who may sign for it.
    pub keys: Keys,
    images: [Option<Image>; SLOTS],
}

impl Known {
    /// All components at the start: with the keys of the brief, and no image but the factory's.
    pub fn all(brief: &StageBrief) -> Vec<Self, MAX_COMPONENTS> {
        let keys = |component: &StageComponent| -> Ring {
            component.keys().iter().filter_map(key).collect()
        };
        let known = |component: &StageComponent| Self {
            keys: Keys::new(keys(component)),
            ..Self::default()
        };
        brief.components().iter().map(known).collect()
    }

    /// Forgets the image in a slot that is about to be written.
    pub fn forget(&mut self, slot: usize) {
        if let Some(image) = self.images.get_mut(slot) {
            *image = None;
        }
    }

    /// Records that the bundle in a slot was verified.
    pub fn learn(&mut self, slot: usize, verified: &Verified<'static>) {
        if let Some(image) = self.images.get_mut(slot) {
            *image = Some(Image {
                bytes: verified.payload,
                digest: verified.digest,
                firmware: verified.firmware.map_or(&[], |firmware| firmware.bytes),
                firmware_digest: verified
                    .firmware
                    .map_or([0; 32], |firmware| firmware.digest),
            });
        }
    }

    /// The image in a slot. The factory's is verified when it is first built.
    pub fn image(
        &mut self,
        brief: &StageBrief,
        component: &StageComponent,
        slot: usize,
    ) -> Result<Image, Reason> {
        let known = self.images.get(slot).copied().flatten();
        if slot == 0 && known.is_none() {
            self.learn(0, &check::factory(brief, component)?);
        }
        self.images
            .get(slot)
            .copied()
            .flatten()
            .ok_or(Reason::Internal)
    }
}

/// A key of the brief; `None` for an invalid point.
fn key(key: &TrustKey) -> Option<TrustedKey> {
    let ([first, second], _) = key.point.as_chunks::<32>() else {
        return None;
    };
    let public = match key.kind {
        TrustKey::P256 => PublicKey::p256(first, second)?,
        TrustKey::ED25519 => PublicKey::ed25519(first)?,
        _ => return None,
    };
    Some(TrustedKey {
        key: public,
        roles: Roles(key.roles),
        revoked: false,
    })
}
