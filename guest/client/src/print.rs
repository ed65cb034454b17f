// SPDX-License-Identifier: BSD-2-Clause
//! What is printed: for people, or one JSON object a line.

use core::fmt::{self, Display, Formatter};

use molt_doorbell::port::{Deferrer, Device, Entry, State};
use molt_doorbell::{Reason, Status};

/// Where lines go.
pub trait Output {
    /// One line, without its end.
    fn line(&mut self, line: fmt::Arguments<'_>);
}

/// A device, as `devices` prints it.
pub struct OfDevice<'a>(pub &'a Device, pub bool);

/// A state, with the device's name.
pub struct OfState<'a>(pub &'a State, pub &'a str, pub bool);

/// What comes of deferring updates: the device's name, the time that was said and the longest, in ms.
pub struct OfDeferral<'a>(pub &'a str, pub u32, pub u32, pub bool);

/// Whom an update waits for, with the device's name.
pub struct OfDeferrer<'a>(pub &'a Deferrer, pub &'a str, pub bool);

/// An entry of the log, with the device's name.
pub struct OfEntry<'a>(pub &'a Entry, pub &'a str, pub bool);

/// A text in JSON, with its quotes.
pub struct Quoted<'a>(pub &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        f.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '"' | '\\' => write!(f, "\\{character}")?,
                c if c.is_control() => write!(f, "\\u{:04x}", c as u32)?,
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}

impl Display for OfDevice<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(device, json) = self;
        let (number, name) = (device.component.get(), device.name());
        let generation = device.generation.get();
        let has = |flag| device.flags.get() & flag != 0;
        let (may, sequence) = (has(Device::MAY_UPDATE), has(Device::SEQUENCE));
        let (defers, waits) = (has(Device::MAY_DEFER), has(Device::WAITS));
        if *json {
            write!(
                f,
                "{{\"device\":{},\"component\":{number},\"may_update\":{may},\"may_defer\":{defers},\"waits\":{waits},\"generation\":{generation},\"sequence\":",
                Quoted(name)
            )?;
            return match sequence {
                true => write!(f, "{}}}", device.sequence.get()),
                false => f.write_str("null}"),
            };
        }
        write!(f, "{name}: generation {generation}")?;
        if sequence {
            write!(f, ", sequence {}", device.sequence.get())?;
        }
        f.write_str(match may {
            true => ", may be updated by this guest",
            false => ", may not be updated by this guest",
        })?;
        f.write_str(match (waits, defers) {
            (true, _) => ", an update waits for this guest",
            (false, true) => ", may be deferred by this guest",
            (false, false) => "",
        })
    }
}

/// Status and reason, which are numbers on the wire.
fn outcome(status: u32, reason: u32) -> (Option<Status>, Option<Reason>) {
    (Status::from_u32(status), Reason::from_u32(reason))
}

/// The status in words, and its reason if there is one.
fn words(f: &mut Formatter<'_>, status: Option<Status>, reason: Option<Reason>) -> fmt::Result {
    f.write_str(status.map_or("in a state that this program does not know", Status::text))?;
    match reason {
        Some(Reason::None) => Ok(()),
        Some(reason) => write!(f, ": {}", reason.text()),
        None => f.write_str(": for a reason that this program does not know"),
    }
}

fn fields(f: &mut Formatter<'_>, status: Option<Status>, reason: Option<Reason>) -> fmt::Result {
    let status = status.map_or("unknown", Status::text);
    let reason = reason.map_or("unknown", Reason::word);
    write!(
        f,
        "\"status\":{},\"reason\":{}",
        Quoted(status),
        Quoted(reason)
    )
}

impl Display for OfState<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(state, name, json) = self;
        let (status, reason) = outcome(state.status.get(), state.reason.get());
        let (generation, sequence) = (state.generation.get(), state.sequence.get());
        let (progress, handle) = (state.progress.get(), state.handle.get());
        if *json {
            write!(f, "{{\"device\":{},", Quoted(name))?;
            fields(f, status, reason)?;
            write!(
                f,
                ",\"progress\":{progress},\"generation\":{generation},\"sequence\":{sequence}"
            )?;
            // A handle does not fit into a JSON number of every reader.
            return match handle {
                0 => f.write_str("}"),
                handle => write!(f, ",\"handle\":\"{handle:#x}\"}}"),
            };
        }
        if status == Some(Status::Idle) && reason == Some(Reason::None) {
            return f.write_str("no update since the start");
        }
        write!(f, "{name}: ")?;
        words(f, status, reason)?;
        match status {
            Some(Status::Offered) => write!(f, ", to be confirmed with {handle:#x}"),
            Some(status) if status.is_final() => numbers(f, status, generation, sequence),
            _ => Ok(()),
        }
    }
}

impl Display for OfDeferral<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(name, ms, most, json) = *self;
        if json {
            let name = Quoted(name);
            return write!(
                f,
                "{{\"device\":{name},\"defer_ms\":{ms},\"most_ms\":{most}}}"
            );
        }
        match ms {
            0 => write!(f, "{name}: updates do not wait for this guest"),
            ms => write!(
                f,
                "{name}: an update waits for this guest, {} at the most",
                Seconds(ms.min(most).into())
            ),
        }
    }
}

impl Display for OfDeferrer<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(deferrer, name, json) = self;
        let (by, left) = (deferrer.name(), deferrer.left_ms.get());
        if *json {
            let (name, by) = (Quoted(name), Quoted(by));
            return write!(
                f,
                "{{\"device\":{name},\"deferred_by\":{by},\"left_ms\":{left}}}"
            );
        }
        write!(
            f,
            "{name}: the update waits for '{by}', {} at the most",
            Seconds(left)
        )
    }
}

/// A time in ms, in seconds.
struct Seconds(u64);

impl Display for Seconds {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match (self.0 / 1000, self.0 % 1000) {
            (seconds, 0) => write!(f, "{seconds} s"),
            (seconds, ms) => write!(f, "{seconds}.{ms:03} s"),
        }
    }
}

impl Display for OfEntry<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(entry, name, json) = self;
        let (status, reason) = outcome(entry.status.get(), entry.reason.get());
        let (generation, sequence) = (entry.generation.get(), entry.sequence.get());
        let ago = entry.ago_us.get();
        if *json {
            write!(f, "{{\"ago_us\":{ago},\"device\":{},", Quoted(name))?;
            fields(f, status, reason)?;
            return write!(f, ",\"generation\":{generation},\"sequence\":{sequence}}}");
        }
        let (seconds, milliseconds) = (ago / 1_000_000, ago / 1000 % 1000);
        write!(f, "{seconds:>6}.{milliseconds:03} s ago  {name}: ")?;
        words(f, status, reason)?;
        numbers(f, status.unwrap_or_default(), generation, sequence)
    }
}

/// What runs; or the list of keys that is in force, whose sequence number the answer has then.
fn numbers(f: &mut Formatter<'_>, status: Status, generation: u64, sequence: u64) -> fmt::Result {
    match status {
        Status::KeysExchanged => write!(f, " (list {sequence}, generation {generation})"),
        _ => write!(f, " (generation {generation}, sequence {sequence})"),
    }
}
