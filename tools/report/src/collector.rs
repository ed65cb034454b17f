// SPDX-License-Identifier: BSD-2-Clause
//! Reads the console of a run, line by line.

use std::collections::{BTreeMap, BTreeSet};

use molt_trace::{Event, Line};

use crate::guest_line::{self, GuestLine};
use crate::result::{Guest, Kind, Summary};
use crate::timeline;
use crate::transactions::Transactions;

/// Everything that was read so far.
#[derive(Debug, Default)]
pub struct Collector {
    guests: Vec<Guest>,
    /// The PD behind each guest: its VMM, or the native client itself.
    domains: Vec<String>,
    done: BTreeSet<String>,
    /// Guests that have ended without `done`, with the reason.
    over: BTreeMap<String, String>,
    /// The names (the text before a colon) of all that have printed something, and the last line.
    speakers: BTreeSet<String>,
    last: Option<String>,
    /// Guests that had ended before the last update ended.
    absent: BTreeSet<String>,
    transactions: Transactions,
    complaints: Vec<String>,
    /// What each component started with after power-on, as `Expectation::sources` has it.
    sources: Vec<String>,
    values: Vec<(String, u64)>,
    /// How the operator's commands ended.
    answers: Vec<String>,
    deferrals: Vec<String>,
    /// Slots in use before a component's first transaction. After each later one the number has to be the same, as long as the
    /// same clients are granted their regions.
    slots: BTreeMap<String, u64>,
    leaks: Vec<String>,
    /// Guests whose client is fenced.
    fenced: BTreeSet<String>,
    /// Components whose device has stopped since it was granted last.
    stopped: BTreeSet<String>,
    /// Components that are denied, and how often each guest showed a sign of life while one was.
    denied: BTreeSet<String>,
    alive: BTreeMap<String, u64>,
    /// The last of each guest's lines that are counted.
    counted: BTreeMap<String, u64>,
    /// How often guests were started anew, in total, and while an update was under way.
    resets: (u64, u64),
}

impl Collector {
    /// A collector for these guests: name, its VMM's name (or the native client's own), kind.
    pub fn new(guests: impl IntoIterator<Item = (String, String, Kind)>) -> Self {
        let mut collector = Self::default();
        for (name, domain, kind) in guests {
            collector.domains.push(domain);
            collector.guests.push(Guest {
                name,
                kind,
                ..Guest::default()
            });
        }
        collector
    }

    /// The guest behind which this PD is.
    fn behind(&mut self, domain: &str) -> Option<&mut Guest> {
        let index = self.domains.iter().position(|name| name == domain)?;
        self.guests.get_mut(index)
    }

    /// Reads a line. Returns the text that the timeline shows for it, if any.
    pub fn line(&mut self, text: &str) -> Option<String> {
        self.heard(text);
        if let Ok(line) = text.parse::<Line>() {
            self.event(&line.event);
            return timeline::tell(&line);
        }
        let (name, said) = text.split_once(": ")?;
        let named = self.guests.iter().position(|guest| guest.name == name);
        let Some(guest) = named.and_then(|index| self.guests.get_mut(index)) else {
            self.answers.extend(crate::operator::ended(text));
            self.end_of_guest(name, said);
            self.reset_of_guest(name, said);
            self.pause_of_guest(name, said);
            // A protection domain that prints something has a reason, so it is shown.
            return Some(format!("              {name:<10} {said}"));
        };
        match guest_line::read(guest, said) {
            GuestLine::Done => {
                self.done.insert(name.to_owned());
                Some(format!("              {name:<10} is done"))
            }
            GuestLine::Complaint => {
                self.complaints.push(format!("{name}: {said}"));
                Some(format!("              {name:<10} COMPLAINS: {said}"))
            }
            GuestLine::Alive => {
                if !self.denied.is_empty() {
                    *self.alive.entry(name.to_owned()).or_default() += 1;
                }
                None
            }
            GuestLine::Counted(number) => {
                let last = self.counted.entry(name.to_owned()).or_default();
                if number != *last + 1 {
                    let gap = format!("{name}: line {number} came after line {last}");
                    self.complaints.push(gap);
                }
                *last = number;
                None
            }
            GuestLine::Result => Some(format!("              {name:<10} {said}")),
            GuestLine::Other => None,
        }
    }

    fn heard(&mut self, text: &str) {
        if let Some((speaker, _)) = text.split_once(": ") {
            self.speakers.insert(speaker.to_owned());
        }
        if !text.is_empty() {
            self.last = Some(text.to_owned());
        }
    }

    /// Reads a message of a VMM or of `monitor` that a guest has ended.
    fn end_of_guest(&mut self, domain: &str, said: &str) {
        for (guest, behind) in self.guests.iter().zip(&self.domains) {
            let fault = || said.starts_with(&format!("'{behind}' faulted"));
            let over = match domain {
                "monitor" => fault(),
                _ => domain == behind && guest_line::is_over(&guest.name, said),
            };
            if over && !self.done.contains(&guest.name) {
                self.over
                    .entry(guest.name.clone())
                    .or_insert_with(|| said.to_owned());
            }
        }
    }

    /// Reads a message of a VMM that its guest was reset.
    fn reset_of_guest(&mut self, domain: &str, said: &str) {
        let mut guests = self.guests.iter().zip(&self.domains);
        if guests.any(|(guest, behind)| behind == domain && guest_line::is_reset(&guest.name, said))
        {
            self.resets.0 += 1;
            self.resets.1 += u64::from(self.transactions.under_way());
        }
    }

    /// Reads a message of a VMM that its guest was paused, was served by a stand-in, or had to wait for a device of its own.
    fn pause_of_guest(&mut self, domain: &str, said: &str) {
        if let Some(guest) = self.behind(domain)
            && guest_line::is_pause(&guest.name, said)
        {
            *guest.saw.entry("pauses".to_owned()).or_default() += 1;
        }
        if let Some(guest) = self.behind(domain)
            && let Some(stood) = guest_line::stood_in(&guest.name, said)
        {
            for (what, count) in [
                ("reads-from-stand-in", stood.reads),
                ("writes-to-stand-in", stood.writes),
            ] {
                if count > 0 {
                    *guest.saw.entry(what.to_owned()).or_default() += count;
                    let longest = guest.stand_in_longest_ns.get_or_insert(0);
                    *longest = stood.longest_ns.max(*longest);
                }
            }
        }
        if let Some(guest) = self.behind(domain)
            && let Some(count @ 1..) = guest_line::waited(&guest.name, said)
        {
            *guest.saw.entry("accesses-waited".to_owned()).or_default() += count;
        }
    }

    fn event(&mut self, event: &Event) {
        let ended = self.transactions.ended().count();
        self.transactions.event(event);
        if self.transactions.ended().count() > ended {
            self.absent = self.done.clone();
        }
        match event {
            Event::Client {
                client,
                requests,
                errors,
                max_latency,
                parked,
            } => {
                if let Some(guest) = self.behind(client.as_str()) {
                    guest.parked = *parked;
                    guest.errors = guest.errors.max(*errors);
                    if guest.kind == Kind::Linux {
                        guest.requests = *requests;
                        guest.max_latency_ns = *max_latency;
                    }
                }
            }
            Event::Admitted { client, how, .. } => self.deferrals.push(format!("{client}: {how}")),
            Event::Value { name, value } => self.values.push((name.as_str().to_owned(), *value)),
            Event::Books {
                component,
                slots,
                failed,
                ..
            } => {
                let first = *self
                    .slots
                    .entry(component.as_str().to_owned())
                    .or_insert(*slots);
                if *slots != first {
                    self.leaks.push(format!(
                        "'{component}': {slots} slots are in use after a transaction, {first} were before the first"
                    ));
                }
                if *failed != 0 {
                    self.leaks.push(format!(
                        "'{component}': the kernel disagrees with {failed} entries of the books"
                    ));
                }
            }
            Event::Source {
                component,
                image,
                sequence,
                reason,
            } => {
                let why = match reason.as_str() {
                    "none" => String::new(),
                    why => format!(": {why}"),
                };
                let source = format!("{component}: {image} {sequence}{why}");
                self.sources.push(source);
            }
            Event::Fenced { client, .. } => {
                if let Some(name) = self.behind(client.as_str()).map(|guest| guest.name.clone()) {
                    self.fenced.insert(name);
                }
                self.slots.clear();
            }
            Event::Readmitted { client } => {
                if let Some(name) = self.behind(client.as_str()).map(|guest| guest.name.clone()) {
                    self.fenced.remove(&name);
                }
                self.slots.clear();
            }
            Event::Fault { domain, .. } if self.behind(domain.as_str()).is_some() => {
                self.slots.clear();
            }
            Event::Granted { component, .. } => {
                self.stopped.remove(component.as_str());
            }
            Event::Denied { component, .. } => {
                self.denied.insert(component.as_str().to_owned());
            }
            Event::Ready { component, .. } => {
                self.denied.remove(component.as_str());
            }
            Event::Stopped { component } => {
                self.stopped.insert(component.as_str().to_owned());
            }
            Event::Revoked { component, region } if !self.stopped.contains(component.as_str()) => {
                self.leaks.push(format!(
                    "'{component}': '{region}' was revoked before the device had stopped"
                ));
            }
            Event::Violation { client, what, .. } => {
                self.complaints
                    .push(format!("{client}: the queue's protocol was broken: {what}"));
            }
            _ => {}
        }
    }

    /// Whether every guest has said that it is done, and no transaction is open; or one will never be done. `dead` guests are
    /// not waited for.
    pub fn finished(&self, dead: &[String]) -> bool {
        let lives = |name: &str| dead.iter().all(|dead| dead != name);
        let done = !self.unfinished().any(lives) && !self.transactions.under_way();
        done || self.over.keys().any(|name| lives(name))
    }

    /// Whether there are guests, and each of them is done or will never be.
    pub fn all_over(&self) -> bool {
        let ended =
            |guest: &Guest| self.done.contains(&guest.name) || self.over.contains_key(&guest.name);
        !self.is_empty() && self.guests.iter().all(ended) && !self.transactions.under_way()
    }

    /// Whether there are no guests.
    pub fn is_empty(&self) -> bool {
        self.guests.is_empty()
    }

    /// What each component started with after power-on.
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// How the operator's commands ended: `ok`, or `refused` and the reason.
    pub fn answers(&self) -> &[String] {
        &self.answers
    }

    /// How the deferrals of updates have ended, in order.
    pub fn deferrals(&self) -> &[String] {
        &self.deferrals
    }

    /// Why this guest will never be done.
    pub fn over(&self, guest: &str) -> Option<&str> {
        self.over.get(guest).map(String::as_str)
    }

    /// Where the boot ended, if no guest ever said anything and `update` does not run.
    pub fn silence(&self) -> Option<String> {
        let spoke = |name: &str| self.speakers.contains(name);
        let guests = self.guests.iter().any(|guest| spoke(&guest.name));
        if guests || spoke("molt") {
            return None;
        }
        let Some(last) = &self.last else {
            return Some(
                "nothing was printed, not even by the loader: is the image entered, and is its console the board's?"
                    .to_owned(),
            );
        };
        Some(if spoke("monitor") || spoke("molt-kernel") {
            format!("the system did not start; the last line was: {last}")
        } else if spoke("loader") {
            format!(
                "nothing was printed after the loader ('{last}'): the kernel or 'monitor' stopped (a debug configuration of the kernel says more)"
            )
        } else {
            format!("neither loader, 'monitor' nor a guest was heard; the last line was: {last}")
        })
    }

    /// Guests that have not said that they are done.
    pub fn unfinished(&self) -> impl Iterator<Item = &str> {
        self.guests
            .iter()
            .map(|guest| guest.name.as_str())
            .filter(|name| !self.done.contains(*name))
    }

    /// Guests that were done before the last update had ended: it was not under their load.
    pub fn absent(&self) -> impl Iterator<Item = &str> {
        self.absent.iter().map(String::as_str)
    }

    /// What guests and domains complained of.
    pub fn complaints(&self) -> &[String] {
        &self.complaints
    }

    /// Guests that `update` does not believe any more, by name.
    pub fn fenced(&self) -> impl Iterator<Item = &str> {
        self.fenced.iter().map(String::as_str)
    }

    /// Where the books of `update` do not add up, or its steps are out of order.
    pub fn leaks(&self) -> &[String] {
        &self.leaks
    }

    /// Named figures from the trace.
    pub fn values(&self) -> &[(String, u64)] {
        &self.values
    }

    /// How many signs of life a guest showed while a component was denied. (By the order of the console's lines, where those
    /// of the trace may be some 50 ms late.)
    pub fn alive(&self, guest: &str) -> u64 {
        self.alive.get(guest).copied().unwrap_or(0)
    }

    /// How many lines all guests together have printed that are counted.
    pub fn counted(&self) -> u64 {
        self.counted.values().sum()
    }

    /// How often guests were started anew, in total, and while an update was under way.
    pub fn resets(&self) -> (u64, u64) {
        self.resets
    }

    /// The content of the JSON file, not yet judged.
    pub fn summary(&self, kernel: &str, board: &str, configuration: &str) -> Summary {
        Summary {
            kernel: kernel.to_owned(),
            board: board.to_owned(),
            configuration: configuration.to_owned(),
            clock: String::new(),
            guests: self.guests.clone(),
            updates: self.transactions.ended().cloned().collect(),
            passed: false,
        }
    }
}
