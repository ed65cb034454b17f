// SPDX-License-Identifier: BSD-2-Clause
//! Prints trace events as a timeline for a person.

use std::time::Duration;

use molt_trace::{Event, Line};

/// One event as a line of the timeline; `None` for what only the summary needs.
pub fn tell(line: &Line) -> Option<String> {
    let (who, what) = words(&line.event)?;
    Some(format!(
        "{:>10.6} s  {who:<10} {what}",
        seconds(line.time_ns)
    ))
}

fn seconds(nanoseconds: u64) -> f64 {
    Duration::from_nanos(nanoseconds).as_secs_f64()
}

/// A duration with the unit that suits it.
pub fn duration(nanoseconds: u64) -> String {
    match nanoseconds {
        0..1_000 => format!("{nanoseconds} ns"),
        1_000..1_000_000 => format!("{:.1} us", nanoseconds as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} ms", nanoseconds as f64 / 1e6),
        _ => format!("{:.2} s", nanoseconds as f64 / 1e9),
    }
}

fn words(event: &Event) -> Option<(&str, String)> {
    Some(match event {
        Event::Boot {
            components,
            clients,
        } => (
            "update",
            format!("runs: {components} replaceable device(s), {clients} client(s)"),
        ),
        Event::Rung {
            client,
            component,
            command,
            bytes,
        } => {
            let size = match bytes {
                0 => String::new(),
                _ => format!(", {bytes} bytes"),
            };
            (
                client.as_str(),
                format!("rings the doorbell: {command} for '{component}'{size}"),
            )
        }
        Event::Offered { client, component } => (
            "update",
            format!("'{client}' may update '{component}': the offer has a handle"),
        ),
        Event::Confirmed { .. } => ("update", "the offer is confirmed; stage copies it".into()),
        Event::Joined { component, first } => (
            "update",
            format!("the bundle for '{first}' is for '{component}' too: they are updated together"),
        ),
        Event::Refused {
            component, reason, ..
        } => (
            "update",
            format!("refused for '{component}': {reason}; nothing was disturbed"),
        ),
        Event::Verified {
            sequence, bytes, ..
        } => (
            "stage",
            format!("verified: sequence {sequence}, an image of {bytes} bytes"),
        ),
        Event::Approval {
            client, sequence, ..
        } => (
            "update",
            format!("waits for the operator's approval: sequence {sequence}, from '{client}'"),
        ),
        Event::Staged { generation, .. } => (
            "stage",
            format!("generation {generation} stands ready beside the running one"),
        ),
        Event::Deferred { client, most, .. } => (
            client.as_str(),
            format!("defers the update, which waits {} at most", duration(*most)),
        ),
        Event::Admitted {
            client, how, ns, ..
        } => (
            "update",
            format!(
                "waits no longer for '{client}' after {} ({how})",
                duration(*ns)
            ),
        ),
        Event::Transferred { bytes, other, .. } => (
            "driver",
            match other {
                0 => "the device's firmware stays the same".to_owned(),
                _ => {
                    format!("the device has the new firmware beside the running one, {bytes} bytes")
                }
            },
        ),
        Event::TransferFailed { component, reason } => (
            "driver",
            format!("the device of '{component}' did not take the firmware (reason {reason})"),
        ),
        Event::Quiesced {
            generation, how, ..
        } => (
            "update",
            format!("generation {generation} is quiet ({how})"),
        ),
        Event::Closed { client, .. } => ("update", format!("'{client}' holds its requests back")),
        Event::Stopped { component } => ("update", format!("device of '{component}' is stopped")),
        Event::Revoked { region, .. } => ("update", format!("revoked: shared memory '{region}'")),
        Event::Denied {
            component,
            technique,
        } => ("update", format!("'{component}' is denied ({technique})")),
        Event::Granted { generation, .. } => (
            "update",
            format!("granted: memory, device and interrupt to generation {generation}"),
        ),
        Event::Ready { generation, .. } => (
            "driver",
            format!("generation {generation} says it is ready"),
        ),
        Event::Probation {
            completions,
            generation,
            ..
        } => (
            "update",
            format!(
                "generation {generation} on probation: {completions} completions without error"
            ),
        ),
        Event::Committed {
            from, to, sequence, ..
        } => (
            "update",
            format!("COMMITTED: generation {from} -> {to}, sequence {sequence}"),
        ),
        Event::KeysExchanged {
            component,
            sequence,
            ..
        } => (
            "update",
            format!("KEYS EXCHANGED: list {sequence} says who may sign for '{component}'"),
        ),
        Event::RolledBack {
            failed, to, reason, ..
        } => (
            "update",
            format!(
                "ROLLED BACK: generation {failed} failed ({reason}); {to} runs the committed image"
            ),
        ),
        Event::OutOfService { component, reason } => {
            ("update", format!("OUT OF SERVICE: '{component}': {reason}"))
        }
        Event::Blackout { total, cpu, .. } => (
            "update",
            format!(
                "blackout {} in all, {} of it execution",
                duration(*total),
                duration(*cpu)
            ),
        ),
        Event::Source {
            component,
            image,
            sequence,
            reason,
        } => (
            "flash",
            match reason.as_str() {
                "none" => {
                    format!("'{component}' starts with the {image} image, sequence {sequence}")
                }
                why => format!("'{component}' starts with the {image} image: {why}"),
            },
        ),
        Event::KeysSource {
            component,
            sequence,
            reason,
        } => (
            "flash",
            match reason.as_str() {
                "none" => format!("list of keys {sequence} says who may sign for '{component}'"),
                why => format!(
                    "list of keys {sequence} for '{component}' cannot be used ({why}): nothing but a newer list is accepted"
                ),
            },
        ),
        Event::Started {
            component,
            generation,
            version,
        } => (
            "driver",
            format!("'{component}' generation {generation} runs version {version}"),
        ),
        Event::Fault {
            domain,
            generation,
            label,
            ip,
            address,
        } => (
            "update",
            format!(
                "'{domain}' generation {generation} faulted at {ip:#x}: {}",
                fault(*label, *address)
            ),
        ),
        Event::Parked { client, component } => (
            "update",
            format!("'{client}' touched '{component}' while it was denied, and is parked"),
        ),
        Event::Fenced { client, reason } => (
            "update",
            format!(
                "'{client}' is not believed any more ({reason}): it gets errors, the others go on"
            ),
        ),
        Event::Readmitted { client } => (
            "update",
            format!("'{client}' is forgiven, and is granted its region with the next generation"),
        ),
        Event::Violation {
            component,
            client,
            what,
        } => (
            client.as_str(),
            format!("'{component}' broke the queue's protocol: {what}"),
        ),
        Event::Stage { .. } | Event::Client { .. } | Event::Books { .. } | Event::Value { .. } => {
            return None;
        }
    })
}

/// What a fault's label says (seL4's fault types on a kernel with MCS).
fn fault(label: u64, address: u64) -> String {
    match label {
        2 => "a system call that there is not".into(),
        3 => "an undefined instruction, with which a panic ends".into(),
        6 => format!("no right to access address {address:#x}"),
        _ => format!("fault type {label}"),
    }
}
