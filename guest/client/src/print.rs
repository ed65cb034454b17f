// SPDX-License-Identifier: BSD-2-Clause
//! What is printed: for people, or one JSON object a line.

use core::fmt::{self, Display, Formatter};

use molt_doorbell::port::{Device, Entry, State};
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
        if *json {
            write!(
                f,
                "{{\"device\":{},\"component\":{number},\"may_update\":{may},\"generation\":{generation},\"sequence\":",
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
