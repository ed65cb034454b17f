// SPDX-License-Identifier: BSD-2-Clause
//! What is known of the bank that does not run.

use molt_controller_banks::{Examination, Transfer};
use molt_firmware::{Digest, PublicKey, Refusal};
use molt_link::{Id, WINDOW};

/// The bank that does not run.
#[derive(Debug)]
pub(crate) enum Other {
    /// Not examined since the start.
    Unknown,
    /// It is being examined: for these requests to identify.
    Examined(Examination),
    /// Its image, if there is one that can be run.
    Known(Option<Digest>),
    /// An image is being transferred into it.
    Receiving(Transfer),
    /// The transferred image is being examined: its digest, as it was announced.
    Checked(Examination, Digest),
    /// The transfer has ended in this way.
    Received(Result<Digest, Refusal>),
}

impl Other {
    /// The image that can be run, where that is known.
    pub(crate) fn digest(&self) -> Option<Option<Digest>> {
        match self {
            Self::Unknown | Self::Examined(_) => None,
            Self::Known(digest) => Some(*digest),
            Self::Received(result) => Some(result.ok()),
            Self::Receiving(_) | Self::Checked(..) => Some(None),
        }
    }

    /// The end of an examination.
    pub(crate) fn ended(self, failed: Option<Refusal>, key: &PublicKey) -> Self {
        let end = |examination: Examination| match failed {
            Some(refusal) => Err(refusal),
            None => Ok(examination.end(key)?.digest()),
        };
        match self {
            Self::Examined(examination) => Self::Known(end(examination).ok()),
            Self::Checked(examination, announced) => Self::Received(match end(examination) {
                Ok(digest) if digest != announced => Err(Refusal::Announced),
                result => result,
            }),
            same => same,
        }
    }
}

/// Requests that are answered when an examination has ended.
#[derive(Debug, Default)]
pub(crate) struct Waiting([Option<Id>; WINDOW]);

impl Waiting {
    /// A request that comes twice is answered once. One for which there is no place is dropped, and comes again.
    pub(crate) fn add(&mut self, id: Id) {
        if self.0.contains(&Some(id)) {
            return;
        }
        if let Some(place) = self.0.iter_mut().find(|place| place.is_none()) {
            *place = Some(id);
        }
    }

    pub(crate) fn take(&mut self) -> Option<Id> {
        self.0.iter_mut().find_map(Option::take)
    }
}
