// SPDX-License-Identifier: BSD-2-Clause
//! Channels: notifications with the receiver's identifier as badge bit, endpoints for calls.

use crate::builder::{CALL, SIGNAL};
use crate::layout::Layout;
use molt_system::cspace;

/// Badge bit of a call.
const CALLED: u64 = 1 << 63;

/// Puts the capabilities of all channels into the static PDs' CNodes. A generation's come from `update`.
pub fn place(layout: &mut Layout) {
    for channel in &layout.system.channels {
        let [a, b] = &channel.ends;
        for (from, to) in [(a, b), (b, a)] {
            let notification = layout.domains[to.domain].notification;
            let endpoint = layout.domains[to.domain]
                .fixed
                .as_ref()
                .and_then(|f| f.endpoint);
            let Some((fixed, b)) = layout.fixed(from.domain) else {
                continue;
            };
            let cnode = fixed.cspace.microkit;
            if from.notify {
                b.place(
                    cnode,
                    cspace::OUTPUT_NOTIFICATION + from.id.value,
                    notification,
                    SIGNAL,
                    1 << to.id.value,
                );
            }
            if let (true, Some(endpoint)) = (from.pp, endpoint) {
                b.place(
                    cnode,
                    cspace::OUTPUT_ENDPOINT + from.id.value,
                    endpoint,
                    CALL,
                    CALLED | to.id.value,
                );
            }
        }
    }
}
