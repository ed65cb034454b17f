// SPDX-License-Identifier: BSD-2-Clause
//! The summary as tables on the terminal.

use crate::result::{Kind, Summary};
use crate::timeline::duration;

/// Guests and updates, a line each.
pub fn table(summary: &Summary) -> Vec<String> {
    let mut lines = vec![
        String::new(),
        format!(
            "  on {} ({}, {})",
            summary.kernel, summary.board, summary.configuration
        ),
        format!(
            "  {:<10} {:<6} {:>9} {:>7} {:>15} {:>16} {:>7}",
            "guest", "kind", "requests", "errors", "bytes verified", "longest request", "parked"
        ),
    ];
    for guest in &summary.guests {
        lines.push(format!(
            "  {:<10} {:<6} {:>9} {:>7} {:>15} {:>16} {:>7}",
            guest.name,
            match guest.kind {
                Kind::Bare => "bare",
                Kind::Linux => "linux",
            },
            guest.requests,
            guest.errors,
            guest.bytes_verified,
            duration(guest.max_latency_ns),
            guest.parked
        ));
    }
    for guest in &summary.guests {
        if let Some(bytes) = guest.net_bytes {
            lines.push(format!(
                "  {:<10} {bytes} bytes came back over the network as they were sent, {} ping(s) without an answer",
                guest.name,
                guest.pings_lost.unwrap_or(0)
            ));
        }
    }
    for guest in &summary.guests {
        if let Some(reads) = guest.sensor_reads {
            lines.push(format!(
                "  {:<10} {reads} values of sensors read",
                guest.name
            ));
        }
    }
    for guest in &summary.guests {
        if let Some(reads) = guest.rom_reads {
            let name = &guest.name;
            lines.push(format!(
                "  {name:<10} the ROM's content read {reads} time(s), each time one version's"
            ));
        }
    }
    for guest in summary.guests.iter().filter(|guest| !guest.saw.is_empty()) {
        let saw = guest
            .saw
            .iter()
            .map(|(what, times)| format!("{what} {times}"));
        let saw: Vec<String> = saw.collect();
        lines.push(format!("  {:<10} saw {}", guest.name, saw.join(", ")));
    }
    for update in &summary.updates {
        let reason = update.reason.as_ref().map(|reason| format!(" ({reason})"));
        lines.push(format!(
            "  {}: {}{}, generation {} -> {}: {}{}; blackout {}, {} of it execution",
            update.component,
            update.kind,
            technique(&update.technique),
            update.from,
            update.to,
            update.outcome,
            reason.unwrap_or_default(),
            duration(update.blackout_ns),
            duration(update.blackout_cpu_ns)
        ));
        if let (Some(transfer), Some(activation)) = (update.transfer_ns, update.activation_ns) {
            lines.push(format!(
                "      transferred in {} while the guests were served; {} from the last answer under the old firmware to the first under the new",
                duration(transfer),
                duration(activation)
            ));
        }
        let stages: Vec<String> = (update.stages.iter())
            .map(|(name, ns)| format!("{name} {}", duration(*ns)))
            .collect();
        if !stages.is_empty() {
            lines.push(format!("      {}", stages.join(", ")));
        }
    }
    let measured = summary.updates.iter().any(|update| update.blackout_ns > 0);
    if let Some(note) = clock(&summary.clock).filter(|_| measured) {
        lines.push(note.to_owned());
    }
    lines
}

/// The technique, where it is not the usual one.
fn technique(name: &str) -> String {
    match name {
        "" | "hold" => String::new(),
        name => format!(" ({name})"),
    }
}

/// A note on the clock that the figures are measured with.
fn clock(clock: &str) -> Option<&'static str> {
    Some(match clock {
        "host" => {
            "  times are of the host's clock, on which the emulator's own work and everything else that the host does shows;\n  --icount gives those of the machine, an instruction to the nanosecond"
        }
        "instructions" => {
            "  times are of the machine's clock: an instruction is a nanosecond (--icount)"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::Update;

    #[test]
    fn what_a_guest_saw_stands_beside_the_technique() {
        let update = Update {
            component: "network".to_owned(),
            kind: "driver".to_owned(),
            technique: "unplug".to_owned(),
            ..Update::default()
        };
        let guest = crate::result::Guest {
            name: "linux".to_owned(),
            saw: [("link-down".to_owned(), 2)].into(),
            ..Default::default()
        };
        let summary = Summary {
            guests: vec![guest],
            updates: vec![update],
            ..Summary::default()
        };
        let text = table(&summary).join("\n");
        assert!(text.contains("saw link-down 2"), "{text}");
        assert!(text.contains("network: driver (unplug), "), "{text}");
    }

    #[test]
    fn a_blackout_says_of_which_clock_it_is() {
        let update = Update {
            blackout_ns: 10_000_000,
            ..Update::default()
        };
        let mut summary = Summary {
            clock: "host".to_owned(),
            updates: vec![update],
            ..Summary::default()
        };
        let text = table(&summary).join("\n");
        assert!(
            text.contains("the host's clock") && text.contains("--icount"),
            "{text}"
        );
        summary.clock = "instructions".to_owned();
        assert!(table(&summary).join("\n").contains("the machine's clock"));
    }
}
