// SPDX-License-Identifier: BSD-2-Clause
//! Carries the steps out: asks the server, fetches, offers, reports.

use core::fmt;

use heapless::{String, Vec};
use molt_guest_client::print::Output;
use molt_guest_client::{Exit, Place, Server, Trouble as BellTrouble};

use crate::archive;
use crate::bell::{self, Bell, Outcome, Ringing};
use crate::ddi::{self, Action, Artifact, Cancel, Deployment, Execution, MAX_DOCUMENT, Poll};
use crate::fetch::fetch;
use crate::http::{self, Method, Request};
use crate::machine::{Left, Order, Step, back_off, left, next};
use crate::network::Network;
use crate::record::{MAX_RECORD, Record, Words, words};
use crate::store::Store;
use crate::trouble::Trouble;
use crate::url::{MAX_URL, Url};

/// Milliseconds that a document may take.
const TIME: u64 = 30_000;
/// Seconds between two polls: the least and the most that a server may wish, and where it does not.
const SLEEP: core::ops::RangeInclusive<u32> = 5..=86_400;
const USUAL_SLEEP: u32 = 300;
/// Offers of one action that may be put off.
const MAX_ATTEMPTS: u32 = 8;
/// Bytes of an SWUpdate image beside the bundle in it.
const ARCHIVE: u64 = 65_536;

/// What an agent works with.
pub struct Agent<'a, N, S, B, P, O> {
    /// The network.
    pub network: N,
    /// What is kept.
    pub store: S,
    /// The doorbell.
    pub bell: B,
    /// Where a bundle's part for the guest is stored.
    pub place: P,
    /// What is printed.
    pub output: O,
    /// The server and this guest.
    pub server: Server<'a>,
    /// The device, if it was given.
    pub device: Option<&'a str>,
    /// The value of `Authorization` ([`token`]).
    pub token: Option<&'a str>,
}

/// What a poll has brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cycle {
    /// Seconds until the next one, as the server wants it.
    pub sleep: Option<u32>,
    /// An action has ended: how.
    pub ended: Option<bool>,
    /// An offer was put off.
    pub put_off: bool,
}

/// What the server has.
struct Seen {
    sleep: Option<u32>,
    order: Order,
    attributes: bool,
}

/// The value of `Authorization` that a file with a token says; `None`: it says none.
#[must_use]
pub fn token(contents: &[u8]) -> Option<String<256>> {
    let text = core::str::from_utf8(contents).ok()?.trim();
    let plain = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    if text.is_empty() || !text.bytes().all(plain) {
        return None;
    }
    let mut value = String::new();
    if !text.contains(' ') {
        value.push_str("TargetToken ").ok()?;
    }
    value.push_str(text).ok()?;
    Some(value)
}

/// What is wrong with the command line, if something is: names that would lead elsewhere in an address.
#[must_use]
pub fn mistake(server: &Server<'_>) -> Option<Words> {
    let plain = |text: &str| {
        let is = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b':')
        };
        !text.is_empty() && text.len() <= 128 && text.bytes().all(is) && !matches!(text, "." | "..")
    };
    if let Err(bad) = Url::parse(server.url) {
        return Some(words(format_args!("--server {}: {bad}", server.url)));
    }
    let mut names = [server.tenant, server.id].into_iter();
    let bad = names.find(|name| !plain(name))?;
    Some(words(format_args!(
        "'{bad}' stands in addresses: only letters, digits and -_.~: may be in it"
    )))
}

impl<N: Network, S: Store, B: Bell, P: Place, O: Output> Agent<'_, N, S, B, P, O> {
    /// Polls, once or for ever.
    pub fn run(&mut self) -> Exit {
        let mut failures = 0;
        loop {
            let seconds = match self.cycle() {
                Ok(cycle) if self.server.once => {
                    return match (cycle.ended, cycle.put_off) {
                        (Some(false), _) | (None, true) => Exit::Refused,
                        _ => Exit::Done,
                    };
                }
                Ok(Cycle { put_off: true, .. }) => {
                    failures += 1;
                    back_off(failures, self.server.id)
                }
                Ok(cycle) => {
                    failures = 0;
                    let wish = cycle.sleep.unwrap_or(USUAL_SLEEP);
                    let wish = wish.clamp(*SLEEP.start(), *SLEEP.end());
                    self.server.interval.unwrap_or(wish)
                }
                Err(trouble) => {
                    self.output.line(format_args!("error: {trouble}"));
                    if self.server.once {
                        return match trouble {
                            Trouble::Doorbell => Exit::Doorbell,
                            Trouble::Store(_) | Trouble::Record => Exit::Usage,
                            _ => Exit::Server,
                        };
                    }
                    failures += 1;
                    back_off(failures, self.server.id)
                }
            };
            self.network.pause(u64::from(seconds) * 1000);
        }
    }

    /// One poll, and what it brings.
    ///
    /// # Errors
    /// See [`Trouble`]. What is to be done is done by the next one.
    pub fn cycle(&mut self) -> Result<Cycle, Trouble> {
        let mut cycle = Cycle::default();
        let mut record = self.load()?;
        if let Record::Confirmed { .. } = record {
            record = self.settle(record)?;
        }
        cycle.ended = self.tell(&mut record)?;
        let mut seen = self.poll()?;
        if seen.attributes {
            self.send_attributes()?;
            // Some servers have updates only for a device that they know.
            seen = self.poll()?;
        }
        cycle.sleep = seen.sleep;
        match (next(&record, &seen.order), seen.order) {
            (Step::Take(attempts, unsure), Order::Update(action)) => {
                if let Some(after) = self.take(&action, attempts, unsure)? {
                    record = after;
                    cycle.put_off = matches!(record, Record::Taken { .. });
                    cycle.ended = self.tell(&mut record)?;
                }
            }
            (Step::Tell, _) => {
                if let Record::Ended { told, .. } = &mut record {
                    *told = false;
                }
                self.tell(&mut record)?;
            }
            (Step::Forget, _) => {
                self.keep(&Record::None)?;
                self.store.discard();
            }
            (Step::Agree, Order::Cancel { action, stops }) => {
                self.keep(&Record::None)?;
                self.store.discard();
                self.output.line(format_args!(
                    "action {}: cancelled by the server",
                    stops.as_str()
                ));
                self.report_cancel(
                    &action,
                    Execution::Success,
                    "cancelled; nothing was changed",
                )?;
            }
            (Step::Reject, Order::Cancel { action, .. }) => {
                self.report_cancel(&action, Execution::Rejected, "the update has ended")?;
            }
            _ => {}
        }
        Ok(cycle)
    }

    fn load(&mut self) -> Result<Record, Trouble> {
        let mut bytes = [0; MAX_RECORD];
        let count = self.store.record(&mut bytes).map_err(Trouble::Store)?;
        let bytes = bytes.get(..count).unwrap_or_default();
        Record::read(bytes).ok_or(Trouble::Record)
    }

    fn keep(&mut self, record: &Record) -> Result<(), Trouble> {
        keep(&mut self.store, record)
    }

    /// Tells the server of an end that it does not know. Returns how it was.
    fn tell(&mut self, record: &mut Record) -> Result<Option<bool>, Trouble> {
        let Record::Ended {
            action,
            success,
            told,
            words,
        } = record
        else {
            return Ok(None);
        };
        if *told {
            return Ok(None);
        }
        let execution = match success {
            true => Execution::Success,
            false => Execution::Failure,
        };
        let (action, ended) = (action.clone(), *success);
        match self.report(&action, execution, &[words]) {
            // The server does not want to know it any more.
            Ok(()) | Err(Trouble::Status(404 | 409 | 410)) => {}
            Err(trouble) => return Err(trouble),
        }
        *told = true;
        self.keep(record)?;
        Ok(Some(ended))
    }

    fn poll(&mut self) -> Result<Seen, Trouble> {
        let bytes = self.ask(Method::Get, format_args!(""), None)?;
        let mut scratch = [0; MAX_DOCUMENT];
        let poll: Poll<'_> = ddi::read("poll", &bytes, &mut scratch)?;
        let links = poll.links();
        let order = if let Some(link) = links.cancel {
            let action = Action::of_link(link.href, "cancelAction")?;
            let stops = self.stops(&action)?;
            Order::Cancel { action, stops }
        } else if let Some(link) = links.deployment {
            Order::Update(Action::of_link(link.href, "deploymentBase")?)
        } else {
            Order::Nothing
        };
        if links.confirmation.is_some() {
            self.output.line(format_args!(
                "an update waits for somebody's consent at the server, which this program does not give"
            ));
        }
        Ok(Seen {
            sleep: poll.sleep(),
            order,
            attributes: links.attributes.is_some(),
        })
    }

    fn stops(&mut self, action: &Action) -> Result<Action, Trouble> {
        let bytes = self.ask(
            Method::Get,
            format_args!("/cancelAction/{}", action.as_str()),
            None,
        )?;
        let mut scratch = [0; MAX_DOCUMENT];
        let cancel: Cancel<'_> = ddi::read("cancelAction", &bytes, &mut scratch)?;
        cancel.stops()
    }

    fn send_attributes(&mut self) -> Result<(), Trouble> {
        let pairs = self.server.attributes;
        let pairs = pairs
            .iter()
            .flatten()
            .filter_map(|pair| pair.split_once('='));
        let document = ddi::attributes(pairs)?;
        self.ask(Method::Put, format_args!("/configData"), Some(&document))
            .map(drop)
    }

    /// Fetches and offers an update. `None`: it is not wanted now, or not any more.
    fn take(
        &mut self,
        action: &Action,
        attempts: u32,
        unsure: bool,
    ) -> Result<Option<Record>, Trouble> {
        let name = action.as_str();
        let bytes = self.ask(Method::Get, format_args!("/deploymentBase/{name}"), None)?;
        let mut scratch = [0; MAX_DOCUMENT];
        let deployment: Deployment<'_> = ddi::read("deploymentBase", &bytes, &mut scratch)?;
        if deployment.id != name {
            return Err(Trouble::Document(
                "deploymentBase",
                "it is another action's",
            ));
        }
        if !deployment.is_wanted_now() {
            self.output
                .line(format_args!("action {name}: the server puts it off"));
            return Ok(None);
        }
        let artifact = match deployment.bundle() {
            Ok(artifact) => artifact,
            Err(trouble) => {
                return self
                    .end(action, false, words(format_args!("{trouble}")))
                    .map(Some);
            }
        };
        self.keep(&Record::Taken {
            action: action.clone(),
            attempts,
            unsure,
        })?;
        match self.deliver(action, attempts, unsure, &artifact) {
            Ok(Some(Outcome::Ended(success, words))) => self.end(action, success, words).map(Some),
            Ok(Some(Outcome::PutOff(why))) => self.put_off(action, attempts, unsure, why).map(Some),
            Ok(None) => Ok(None),
            Err(trouble) if trouble.is_passing() => Err(trouble),
            Err(trouble) => self
                .end(
                    action,
                    false,
                    words(format_args!("the bundle was not offered: {trouble}")),
                )
                .map(Some),
        }
    }

    fn deliver(
        &mut self,
        action: &Action,
        attempts: u32,
        unsure: bool,
        artifact: &Artifact<'_>,
    ) -> Result<Option<Outcome>, Trouble> {
        let (device, longest) = {
            let mut session = open(&mut self.bell, &mut self.output)?;
            let device = bell::device(&mut session, self.device);
            match device.map_err(|trouble| lost(&mut self.output, trouble))? {
                Ok(device) => (device, u64::from(session.longest_bundle())),
                Err(why) => return Ok(Some(Outcome::Ended(false, why))),
            }
        };
        let file = words(format_args!("{}", artifact.filename));
        let from = device.sequence.get();
        let doing = words(format_args!(
            "{}: fetching {file}; sequence {from} is committed",
            device.name()
        ));
        self.output
            .line(format_args!("action {}: {doing}", action.as_str()));
        match self.report(action, Execution::Proceeding, &[&doing]) {
            Err(Trouble::Status(404 | 409 | 410)) => return Ok(None),
            result => result?,
        }
        let url = Url::parse(self.server.url).map_err(|bad| Trouble::Url("itself", bad))?;
        let limit = match artifact.filename.ends_with(".swu") {
            true => longest + ARCHIVE,
            false => longest,
        };
        fetch(
            &mut self.network,
            &mut self.store,
            url,
            self.token,
            artifact,
            limit,
        )?;
        // It may have been taken back meanwhile.
        let still = Order::Update(action.clone());
        if self.poll()?.order != still {
            self.output.line(format_args!(
                "action {}: taken back by the server",
                action.as_str()
            ));
            return Ok(None);
        }
        let fetched = self.store.fetched().map_err(Trouble::Store)?;
        let bundle = archive::bundle(fetched.as_ref())?;
        if bundle.len() as u64 > longest {
            return Err(Trouble::OverLimit(longest));
        }
        let session = open(&mut self.bell, &mut self.output)?;
        let (component, to) = (device.component.get(), bell::sequence(bundle));
        let mut ringing = Ringing {
            session,
            device,
            place: &mut self.place,
            output: &mut self.output,
            maybe: unsure.then_some(to),
        };
        let store = &mut self.store;
        let result = ringing.offer(bundle, |handle| {
            keep(
                store,
                &Record::Confirmed {
                    action: action.clone(),
                    attempts,
                    component,
                    handle,
                    from,
                    to,
                },
            )
            .map_err(Stop::Here)
        });
        match result {
            Ok(outcome) => Ok(Some(outcome)),
            Err(Stop::Here(trouble)) => Err(trouble),
            Err(Stop::Bell(trouble)) => Err(lost(&mut self.output, trouble)),
        }
    }

    /// Finds out what has come of an offer whose confirm was the last thing that an earlier program has kept.
    fn settle(&mut self, record: Record) -> Result<Record, Trouble> {
        let Record::Confirmed {
            action,
            attempts,
            component,
            handle,
            from,
            to,
        } = record
        else {
            return Ok(record);
        };
        // Only its part for the guest is still needed.
        let fetched = self.store.fetched().ok();
        let fetched = fetched.as_ref().map_or(&[][..], S::File::as_ref);
        let bundle = archive::bundle(fetched).unwrap_or_default();
        let mut session = open(&mut self.bell, &mut self.output)?;
        let found = session
            .devices()
            .and_then(|devices| Ok((devices, session.state()?)));
        let (devices, state) = found.map_err(|trouble| lost(&mut self.output, trouble))?;
        let device = devices
            .iter()
            .find(|device| device.component.get() == component);
        let device = device.copied().unwrap_or_default();
        let known = device.flags.get() & molt_doorbell::port::Device::SEQUENCE != 0;
        let committed = known.then_some(device.sequence.get());
        let mut ringing = Ringing {
            session,
            device,
            place: &mut self.place,
            output: &mut self.output,
            maybe: None,
        };
        let left = left(component, handle, from, to, &state, committed);
        let outcome = match left {
            Left::Confirm => ringing.confirm(bundle, handle),
            Left::Follow | Left::Ended => ringing.resume(bundle, state),
            Left::Committed => {
                ringing.settle(bundle, true);
                let text = words(format_args!("{}: committed (sequence {to})", device.name()));
                Ok(Outcome::Ended(true, text))
            }
            Left::Again | Left::Unsure => {
                ringing.settle(bundle, false);
                Ok(Outcome::PutOff(words(format_args!(
                    "the offer was cut off"
                ))))
            }
        };
        match outcome.map_err(|trouble| lost(&mut self.output, trouble))? {
            Outcome::Ended(success, words) => self.end(&action, success, words),
            Outcome::PutOff(why) => self.put_off(&action, attempts, left == Left::Unsure, why),
        }
    }

    /// An offer that has to be made again, but not for ever.
    fn put_off(
        &mut self,
        action: &Action,
        attempts: u32,
        unsure: bool,
        why: Words,
    ) -> Result<Record, Trouble> {
        self.output
            .line(format_args!("action {}: put off: {why}", action.as_str()));
        // The record may say any number.
        let attempts = attempts.saturating_add(1);
        if attempts >= MAX_ATTEMPTS {
            return self.end(action, false, why);
        }
        let record = Record::Taken {
            action: action.clone(),
            attempts,
            unsure,
        };
        self.keep(&record)?;
        Ok(record)
    }

    fn end(&mut self, action: &Action, success: bool, words: Words) -> Result<Record, Trouble> {
        let how = if success { "success" } else { "failure" };
        self.output
            .line(format_args!("action {}: {how}: {words}", action.as_str()));
        let record = Record::Ended {
            action: action.clone(),
            success,
            told: false,
            words,
        };
        self.keep(&record)?;
        self.store.discard();
        Ok(record)
    }

    fn report(
        &mut self,
        action: &Action,
        execution: Execution,
        details: &[&str],
    ) -> Result<(), Trouble> {
        let document = ddi::feedback(action, execution, details)?;
        let path = format_args!("/deploymentBase/{}/feedback", action.as_str());
        self.ask(Method::Post, path, Some(&document)).map(drop)
    }

    fn report_cancel(
        &mut self,
        action: &Action,
        execution: Execution,
        detail: &str,
    ) -> Result<(), Trouble> {
        let document = ddi::feedback(action, execution, &[detail])?;
        let path = format_args!("/cancelAction/{}/feedback", action.as_str());
        self.ask(Method::Post, path, Some(&document)).map(drop)
    }

    /// A request to this guest's resources, whose addresses are made here: links of the server say only that they are there.
    fn ask(
        &mut self,
        method: Method,
        path: fmt::Arguments<'_>,
        document: Option<&str>,
    ) -> Result<Vec<u8, MAX_DOCUMENT>, Trouble> {
        let bad = |bad| Trouble::Url("itself", bad);
        let server = Url::parse(self.server.url).map_err(bad)?;
        let mut whole = String::<MAX_URL>::new();
        let (base, tenant, id) = (
            server.path.trim_end_matches('/'),
            self.server.tenant,
            self.server.id,
        );
        let written = fmt::write(
            &mut whole,
            format_args!("{base}/{tenant}/controller/v1/{id}{path}"),
        );
        written.map_err(|_| Trouble::TooLong("its address"))?;
        let request = Request {
            method,
            url: Url {
                path: &whole,
                ..server
            },
            token: self.token,
            document,
        };
        let deadline = self.network.now().saturating_add(TIME);
        let mut response = http::send(&mut self.network, &request, deadline)?;
        match response.status {
            200..=299 => response.body.whole("a document"),
            status => Err(Trouble::Status(status)),
        }
    }
}

/// Why an offer was not carried on with.
enum Stop {
    Here(Trouble),
    Bell(BellTrouble),
}

impl From<BellTrouble> for Stop {
    fn from(trouble: BellTrouble) -> Self {
        Self::Bell(trouble)
    }
}

fn keep(store: &mut impl Store, record: &Record) -> Result<(), Trouble> {
    store.keep(record.text().as_bytes()).map_err(Trouble::Store)
}

fn open<B: Bell>(
    bell: &mut B,
    output: &mut impl Output,
) -> Result<molt_guest_client::Session<B::Port>, Trouble> {
    bell.open(output).ok_or(Trouble::Doorbell)
}

fn lost(output: &mut impl Output, trouble: BellTrouble) -> Trouble {
    output.line(format_args!("error: {trouble}"));
    Trouble::Doorbell
}
