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
    for update in &summary.updates {
        let reason = update.reason.as_ref().map(|reason| format!(" ({reason})"));
        lines.push(format!(
            "  {}: generation {} -> {}: {}{}; blackout {}, {} of it execution",
            update.component,
            update.from,
            update.to,
            update.outcome,
            reason.unwrap_or_default(),
            duration(update.blackout_ns),
            duration(update.blackout_cpu_ns)
        ));
        let stages: Vec<String> = (update.stages.iter())
            .map(|(name, ns)| format!("{name} {}", duration(*ns)))
            .collect();
        if !stages.is_empty() {
            lines.push(format!("      {}", stages.join(", ")));
        }
    }
    lines
}
