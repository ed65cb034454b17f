// SPDX-License-Identifier: BSD-2-Clause
//! The start of each component with what outlived the power, one component after the other; and what is kept and recorded
//! later.
//!
//! `flash` is trusted for delivery only: `stage` copies and verifies what it delivers like a guest's bundle, and the image has
//! to be the one whose digest and sequence number were recorded. Whatever is wrong, the factory image starts.

use molt_control::stage::{Command as Build, Results};
use molt_control::store::{About, Command, Recalled, Source};
use molt_doorbell::{Reason, Status};
use molt_store::Kind;
use molt_system::STORE_CLIENT;
use molt_trace::{Event as Trace, WordRef};
use molt_update::{Event, Image};

use crate::store::{self, Answer, Restoring, Task};
use crate::{Kernel, Supervisor};

/// The bundle slot that a recalled bundle is verified in.
const SLOT: u8 = 1;
/// How long `flash` or `stage` may take at a start, in us.
const PATIENCE_US: u64 = 30_000_000;

impl<'m, K: Kernel<'m>> Supervisor<'m, K> {
    /// Starts the component `index`, and those after it, each with its committed bundle if there is one.
    pub(crate) fn start_from(&mut self, index: usize) {
        let due = self.us() + PATIENCE_US;
        let Some(store) = &mut self.store else {
            for index in index..self.units.len() {
                self.give(index, Event::Start);
            }
            return;
        };
        if let Some(unit) = self.units.get_mut(index) {
            unit.restoring = Some(Restoring::Recalling(due));
            let component = index as u32;
            store.give(
                &self.kernel,
                Task::Recall(index),
                Command::Recall { component },
            );
        }
    }

    /// Looks at the answers of `flash`, and at the starts that take too long.
    pub(crate) fn look_at_store(&mut self) {
        if let Some(answer) = self.store.as_mut().and_then(|s| s.answer(&self.kernel)) {
            self.store_answered(&answer);
        }
        let now = self.us();
        let late = |unit: &crate::unit::Unit<'_>| unit.restoring.is_some_and(|r| r.due() <= now);
        if let Some(index) = self.units.iter().position(late) {
            let unit = self.units.get_mut(index);
            match unit.map(|unit| (unit.restoring, &mut unit.machine)) {
                Some((Some(Restoring::Verifying(..)), machine)) => machine.stage_works(),
                _ => {
                    if let Some(store) = &mut self.store {
                        store.give_up();
                    }
                }
            }
            self.start_factory(index, Recalled::nothing(Source::Failed), None);
        }
    }

    fn store_answered(&mut self, answer: &Answer) {
        match answer.task {
            Task::Record => {}
            Task::Read => self.log_read(answer.result),
            Task::Keep(index) => {
                let event = match answer.result {
                    Ok(()) => Event::Kept,
                    Err(reason) => Event::KeepFailed(reason),
                };
                self.give(index, event);
            }
            Task::Recall(index) => {
                let expected = matches!(
                    self.units.get(index).and_then(|unit| unit.restoring),
                    Some(Restoring::Recalling(_))
                );
                if expected {
                    self.recalled(index, answer.result);
                }
            }
        }
    }

    fn recalled(&mut self, index: usize, result: Result<(), Reason>) {
        let now = self.us();
        let (Some(unit), Some(store)) = (self.units.get_mut(index), &self.store) else {
            return;
        };
        let recalled = match result {
            Ok(()) => store.recalled(),
            Err(_) => Recalled::nothing(Source::Failed),
        };
        if recalled.frozen {
            unit.machine.restore_freeze();
        }
        if recalled.source != Source::Failed {
            // Who offered them is not known any more.
            for digest in store.failed() {
                unit.machine.has_failed(now, 0, digest);
            }
        }
        if recalled.source != Source::Committed {
            return self.start_factory(index, recalled, None);
        }
        unit.restoring = Some(Restoring::Verifying(recalled, now + PATIENCE_US));
        let command = Build::Verify {
            component: index,
            slot: SLOT.into(),
            client: STORE_CLIENT as usize,
            length: recalled.length,
            committed: recalled.sequence.saturating_sub(1),
        };
        self.stage.give(&self.kernel, index, command);
    }

    /// `stage` has verified what was recalled, or refused it.
    pub(crate) fn reverified(&mut self, index: usize, answer: Result<Results, Reason>) {
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        let Some(Restoring::Verifying(recalled, _)) = unit.restoring else {
            return;
        };
        let refused = match answer {
            Ok(results) if results.sequence != recalled.sequence => Reason::OldSequence,
            Ok(results) if results.digest != recalled.image => Reason::PayloadDigest,
            Ok(results) => {
                unit.restoring = None;
                unit.offer.verified(&results);
                let sequence = recalled.sequence;
                let image = Image {
                    slot: SLOT,
                    sequence,
                    digest: results.digest,
                };
                unit.machine.restore(Some(image), recalled.floor);
                return self.started_from(index, "committed", sequence, Reason::None, "none");
            }
            Err(reason) => reason,
        };
        self.start_factory(index, recalled, Some(refused));
    }

    /// Starts the factory image.
    fn start_factory(&mut self, index: usize, recalled: Recalled, refused: Option<Reason>) {
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        unit.restoring = None;
        let sequence = unit.plan.factory_sequence;
        unit.machine.restore(None, recalled.floor);
        let why = store::word(recalled.source, refused);
        let reason = match recalled.source {
            Source::Nothing => Reason::None,
            Source::Committed => refused.unwrap_or(Reason::None),
            Source::Damaged => Reason::PayloadDigest,
            Source::Broken | Source::Failed => Reason::StoreFailed,
        };
        self.started_from(index, "factory", sequence, reason, why);
    }

    fn started_from(
        &mut self,
        index: usize,
        image: &'static str,
        sequence: u64,
        reason: Reason,
        why: &'static str,
    ) {
        self.trace(Trace::Source {
            component: self.name(index),
            image: WordRef(image),
            sequence,
            reason: WordRef(why),
        });
        let about = About {
            sequence,
            reason: reason as u32,
            ..self.about_offer(index, None)
        };
        self.record(Kind::Started, about);
        self.give(index, Event::Start);
        self.start_from(index + 1);
    }

    /// Has the image in a slot kept.
    pub(crate) fn keep(&mut self, index: usize, slot: u8, client: Option<u8>) {
        let about = self.about_offer(index, client);
        let back = self
            .units
            .get(index)
            .and_then(|unit| unit.machine.previous());
        let back = back.filter(|_| client.is_none());
        let reverted = back.map(|image| self.about_image(index, image));
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        unit.back = back;
        let command = match reverted {
            Some(about) => Command::Revert { about },
            None => Command::Keep {
                slot: slot.into(),
                length: unit.offer.length,
                about,
            },
        };
        let store = self.store.as_mut();
        let given = store.is_some_and(|s| s.give(&self.kernel, Task::Keep(index), command));
        if !given {
            self.follow_up(index, Event::KeepFailed(Reason::StoreFailed));
        }
    }

    /// The image that had the device failed.
    pub(crate) fn blame(&mut self, index: usize, client: u8, reason: Reason) {
        let about = About {
            reason: reason as u32,
            ..self.about_offer(index, Some(client))
        };
        self.record(Kind::RolledBack, about);
        if let Some(unit) = self.units.get_mut(index) {
            unit.offer.blamed = true;
        }
    }

    /// Records what the machine has reported: an offer, or the end of a transaction. A commit was recorded when it was kept.
    pub(crate) fn record_status(
        &mut self,
        index: usize,
        client: Option<u8>,
        status: Status,
        reason: Reason,
    ) {
        let not_kept = matches!(reason, Reason::StoreFailed | Reason::StoreFull);
        let back = self.units.get_mut(index).filter(|_| status.is_final());
        let back = back.and_then(|unit| unit.back.take());
        let unit = self.units.get_mut(index);
        let blamed =
            status.is_final() && unit.is_some_and(|unit| core::mem::take(&mut unit.offer.blamed));
        let kind = match status {
            Status::Offered => Kind::Offered,
            Status::Refused => Kind::Refused,
            Status::OutOfService => Kind::OutOfService,
            // The first generation; and an image that failed, which was recorded when it did.
            Status::RolledBack if reason == Reason::None || blamed => return,
            // It was recorded when it was kept, or when the operator put the component back into service.
            Status::RolledBack if reason == Reason::Operator => return,
            Status::RolledBack if not_kept => Kind::TakenBack,
            Status::RolledBack => Kind::Recovered,
            _ => return,
        };
        let about = match (kind, back) {
            (Kind::Offered, _) => self.about(index, client),
            (_, Some(image)) => self.about_image(index, image),
            _ => self.about_offer(index, client),
        };
        let reason = reason as u32;
        self.record(kind, About { reason, ..about });
    }

    /// Records that a client's command was refused before it became an offer.
    pub(crate) fn record_refusal(&mut self, index: usize, client: u8, reason: Reason) {
        let about = About {
            reason: reason as u32,
            ..self.about(index, Some(client))
        };
        self.record(Kind::Refused, about);
    }

    /// Why no offer of this component can be taken; [`Reason::None`] if one can be.
    pub(crate) fn store_refuses(&self, index: usize) -> Reason {
        let store = self.store.as_ref();
        store.map_or(Reason::None, |store| store.refuses(index))
    }

    /// When the next start is given up.
    pub(crate) fn restore_due(&self) -> Option<u64> {
        let due = |unit: &crate::unit::Unit<'_>| Some(unit.restoring?.due());
        self.units.iter().filter_map(due).min()
    }

    /// A record about a component, without a bundle.
    pub(crate) fn about(&self, index: usize, client: Option<u8>) -> About {
        About {
            component: index as u32,
            client: client.map(u32::from),
            time_us: self.us(),
            ..About::default()
        }
    }

    /// A record about the bundle that was verified last.
    pub(crate) fn about_offer(&self, index: usize, client: Option<u8>) -> About {
        let about = self.about(index, client);
        let Some(unit) = self.units.get(index) else {
            return about;
        };
        let (image, refused) = (&unit.offer.image, &unit.offer.refused);
        let known = image.manifest != [0; 4];
        About {
            sequence: image.sequence,
            image: image.digest,
            manifest: if known {
                image.manifest
            } else {
                refused.manifest
            },
            bundle: refused.bundle,
            ..about
        }
    }

    /// Has something recorded, if there is a store.
    pub(crate) fn record(&mut self, kind: Kind, about: About) {
        if let Some(store) = &mut self.store {
            let refusal = kind == Kind::Refused;
            store.record(&self.kernel, kind as u32, about, refusal);
        }
    }
}
