// SPDX-License-Identifier: BSD-2-Clause
//! Decides which image comes next, and how its update has to end.

use ed25519_dalek::{Signer, SigningKey};
use heapless::Vec;
use molt_doorbell::{Reason, Status};
use molt_suit::{Algorithm, Envelope, encode};

/// Swaps that are committed.
pub const SWAPS: u64 = if cfg!(feature = "short") { 4 } else { 200 };
/// The number of good images after which a bad one comes.
const EVERY: u64 = if cfg!(feature = "short") { 2 } else { 20 };
/// Good images: the first of the archive.
const GOOD: usize = 2;

/// An envelope up to its payload.
pub type Head = Vec<u8, 4096>;

/// The next offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A good image.
    Good(usize),
    /// A bad one.
    Bad(usize),
    /// The same bad one again, byte for byte but for its sequence number.
    Again(usize),
    /// A good one under the sequence number that was committed last.
    Stale(usize),
}

/// How far the plan is.
#[derive(Default)]
pub struct Plan {
    /// Committed, rolled back, refused.
    pub ended: [u64; 3],
    sequence: u64,
    committed: u64,
    bad: u64,
    last: Option<Step>,
}

impl Plan {
    /// The next step, with `images` in the archive; `None` at the end.
    pub fn next(&mut self, images: usize) -> Option<Step> {
        let [committed, ..] = self.ended;
        let bad = images.saturating_sub(GOOD);
        let step = match self.last {
            Some(Step::Bad(image)) => Step::Again(image),
            Some(Step::Again(_)) => Step::Stale(0),
            Some(Step::Good(_)) if bad > 0 && committed.is_multiple_of(EVERY) => {
                let image = GOOD + self.bad as usize % bad;
                self.bad += 1;
                Step::Bad(image)
            }
            _ if committed >= SWAPS => return None,
            _ => Step::Good(committed as usize % GOOD),
        };
        self.last = Some(step);
        Some(step)
    }

    /// The bundle of a step, in two parts: a signed envelope up to its payload, and the payload.
    pub fn bundle(
        &mut self,
        step: Step,
        image: &'static [u8],
        key: &SigningKey,
    ) -> Option<(Head, &'static [u8])> {
        let sequence = if matches!(step, Step::Stale(_)) {
            self.committed
        } else {
            self.sequence += 1;
            self.sequence
        };
        let envelope = Envelope::parse(image).ok()?;
        let [(name, payload)] = *envelope.payloads else {
            return None;
        };
        let manifest = encode::renumbered(envelope.manifest, sequence)?;
        let digest = encode::digest(&manifest)?;
        let block = encode::sign1(Algorithm::Ed25519, &digest, |m| key.sign(m).to_bytes())?;
        let mut head = Head::new();
        for part in [
            encode::begin(3, &digest, &[&block], true)?.as_slice(),
            &encode::member(3, manifest.len())?,
            &manifest,
            &encode::payload(name, payload.len())?,
        ] {
            head.extend_from_slice(part).ok()?;
        }
        Some((head, payload))
    }

    /// Records how a step ended. Returns whether that is right.
    pub fn ended(&mut self, status: Status, reason: Reason) -> bool {
        let place = match status {
            Status::Committed => 0,
            Status::RolledBack => 1,
            _ => 2,
        };
        self.ended[place] += 1;
        if status == Status::Committed {
            self.committed = self.sequence;
        }
        match self.last {
            Some(Step::Good(_)) => status == Status::Committed,
            Some(Step::Bad(image)) => {
                // An image that failed once stays refused: it comes round again with the same digest.
                let first = self.bad as usize + GOOD == image + 1;
                if first {
                    status == Status::RolledBack
                } else {
                    status == Status::Refused && reason == Reason::FailedBefore
                }
            }
            Some(Step::Again(_)) => status == Status::Refused && reason == Reason::FailedBefore,
            Some(Step::Stale(_)) => status == Status::Refused && reason == Reason::OldSequence,
            None => false,
        }
    }
}
