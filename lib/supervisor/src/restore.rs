// SPDX-License-Identifier: BSD-2-Clause
//! The start of each component with what outlived the power, one component after the other; and what is kept and recorded
//! later.
//!
//! `flash` is trusted for delivery only: `stage` copies and verifies what it delivers like a guest's bundle, and the image has
//! to be the one whose digest and sequence number were recorded. Whatever is wrong, the factory image starts.
//!
//! The list of keys comes first, and the bundle is verified with it. If the list cannot be used, nobody knows which keys it revokes: the
//! factory image starts, and nothing is accepted but a newer list.

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
        if self.store.is_none() {
            for index in index..self.units.len() {
                self.give(index, Event::Start);
            }
            return;
        }
        let component = index as u32;
        let (task, command) = (Task::RecallKeys(index), Command::RecallKeys { component });
        self.ask_flash(index, Restoring::RecallingKeys, task, command);
    }

    fn ask_flash(
        &mut self,
        index: usize,
        waits: impl FnOnce(u64) -> Restoring,
        task: Task,
        command: Command,
    ) {
        let due = self.us() + PATIENCE_US;
        if let (Some(unit), Some(store)) = (self.units.get_mut(index), &mut self.store) {
            unit.restoring = Some(waits(due));
            store.give(&self.kernel, task, command);
        }
    }

    /// Recalls the committed bundle.
    fn recall(&mut self, index: usize) {
        let component = index as u32;
        let (task, command) = (Task::Recall(index), Command::Recall { component });
        self.ask_flash(index, Restoring::Recalling, task, command);
    }

    /// Looks at the answers of `flash`, and at the starts that take too long.
    pub(crate) fn look_at_store(&mut self) {
        if let Some(answer) = self.store.as_mut().and_then(|s| s.answer(&self.kernel)) {
            self.store_answered(&answer);
        }
        let now = self.us();
        let late = |unit: &crate::unit::Unit<'_>| unit.restoring.is_some_and(|r| r.due() <= now);
        if let Some(index) = self.units.iter().position(late) {
            self.start_late(index);
        }
    }

    /// `flash` or `stage` takes too long at a start.
    fn start_late(&mut self, index: usize) {
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        let nothing = Recalled::nothing(Source::Failed);
        let (verifies, recalled) = match unit.restoring {
            Some(Restoring::Verifying(recalled, _)) => (true, recalled),
            Some(Restoring::VerifyingKeys(..)) => (true, nothing),
            _ => (false, nothing),
        };
        if verifies {
            unit.machine.stage_works();
        }
        // Without what was recalled nobody knows what may be accepted.
        if let (Source::Failed, Some(store)) = (recalled.source, &mut self.store) {
            store.give_up();
        }
        let source = Source::Failed;
        self.start_factory(index, Recalled { source, ..recalled }, None);
    }

    fn store_answered(&mut self, answer: &Answer) {
        match answer.task {
            Task::Record => {}
            Task::Read => self.log_read(answer.result),
            Task::Keep(index) if self.is_joined(index) => self.kept_together(index, answer.result),
            Task::Keep(index) => self.kept(index, false, answer.result),
            Task::Prepare(index) => self.prepared(index, answer.result),
            Task::KeepKeys(index) => self.kept(index, true, answer.result),
            Task::RecallKeys(index) => {
                let restoring = self.units.get(index).and_then(|unit| unit.restoring);
                if matches!(restoring, Some(Restoring::RecallingKeys(_))) {
                    self.keys_recalled(index, answer.result);
                }
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

    /// What a machine waits for was kept, or was not. An answer that it does not wait for any more is dropped.
    fn kept(&mut self, index: usize, keys: bool, result: Result<(), Reason>) {
        let machine = self.units.get(index).map(|unit| &unit.machine);
        if machine.is_some_and(|machine| machine.keeps_keys() == keys) {
            let event = match result {
                Ok(()) => Event::Kept,
                Err(reason) => Event::KeepFailed(reason),
            };
            self.give(index, event);
        }
    }

    fn keys_recalled(&mut self, index: usize, result: Result<(), Reason>) {
        let now = self.us();
        let (Some(unit), Some(store)) = (self.units.get_mut(index), &self.store) else {
            return;
        };
        let recalled = store.recalled(result);
        match recalled.source {
            Source::Committed => {
                unit.restoring = Some(Restoring::VerifyingKeys(recalled, now + PATIENCE_US));
                self.verify_delivered(index, &recalled, 0);
            }
            Source::Damaged | Source::Failed if recalled.sequence != 0 => {
                self.keys_restored(index, &recalled, Err(recalled.source.word()));
            }
            // There is no list; or nothing of the flash can be used, of which the bundle's start tells.
            _ => self.recall(index),
        }
    }

    /// Has `stage` verify what `flash` has delivered.
    fn verify_delivered(&mut self, index: usize, recalled: &Recalled, keys: u64) {
        let command = Build::Verify {
            component: index,
            slot: SLOT.into(),
            client: STORE_CLIENT as usize,
            length: recalled.length,
            committed: recalled.sequence.saturating_sub(1),
            keys,
        };
        self.stage.give(&self.kernel, index, command);
    }

    /// The list of keys that was in force can be used, or cannot be for this reason.
    fn keys_restored(
        &mut self,
        index: usize,
        recalled: &Recalled,
        result: Result<(), &'static str>,
    ) {
        if let Some(unit) = self.units.get_mut(index) {
            unit.machine.restore_keys(recalled.sequence);
        }
        self.trace(Trace::KeysSource {
            component: self.name(index),
            sequence: recalled.sequence,
            reason: WordRef(result.err().unwrap_or("none")),
        });
        self.recall(index);
    }

    fn recalled(&mut self, index: usize, result: Result<(), Reason>) {
        let now = self.us();
        let (Some(unit), Some(store)) = (self.units.get_mut(index), &self.store) else {
            return;
        };
        let recalled = store.recalled(result);
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
        let keys = unit.machine.keys();
        self.verify_delivered(index, &recalled, keys);
    }

    /// `stage` has verified what was recalled, or refused it.
    pub(crate) fn reverified(&mut self, index: usize, answer: Result<Results, Reason>) {
        let Some(unit) = self.units.get_mut(index) else {
            return;
        };
        let recalled = match unit.restoring {
            Some(Restoring::Verifying(recalled, _)) => recalled,
            Some(Restoring::VerifyingKeys(recalled, _)) => {
                let result = match answer {
                    Ok(list) if list.keys && list.sequence == recalled.sequence => Ok(()),
                    Ok(_) => Err(Reason::OldKeys.word()),
                    Err(reason) => Err(reason.word()),
                };
                return self.keys_restored(index, &recalled, result);
            }
            _ => return,
        };
        let refused = match answer {
            Ok(results) if results.keys => Reason::NotABundle,
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
        if self.is_joined(index) {
            return self.keep_together(index);
        }
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
                others: 0,
                about,
            },
        };
        let store = self.store.as_mut();
        let given = store.is_some_and(|s| s.give(&self.kernel, Task::Keep(index), command));
        if !given {
            self.follow_up(index, Event::KeepFailed(Reason::StoreFailed));
        }
    }

    /// Has the list of keys in a slot kept.
    pub(crate) fn keep_keys(&mut self, index: usize, slot: u8, client: u8) {
        let about = self.about_offer(index, Some(client));
        let length = self.units.get(index).map_or(0, |unit| unit.offer.length);
        let command = Command::KeepKeys {
            slot: slot.into(),
            length,
            about,
        };
        let store = self.store.as_mut();
        let given = store.is_some_and(|s| s.give(&self.kernel, Task::KeepKeys(index), command));
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
