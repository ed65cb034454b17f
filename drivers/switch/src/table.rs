// SPDX-License-Identifier: BSD-2-Clause
//! Which address is behind which port.

use heapless::Vec;

use crate::frame::Mac;
use crate::ports::PORTS;

/// Entries of each port.
pub const SHARE: usize = 32;
/// Seconds after which an entry that was not confirmed is no longer used (IEEE 802.1Q, 8.8.3: the default).
pub const AGE: u64 = 300;

#[derive(Clone, Copy, Debug)]
struct Entry {
    mac: Mac,
    /// When it was seen last, in seconds.
    seen: u64,
}

/// The learned addresses, by port.
#[derive(Debug)]
pub struct Table {
    ports: [Vec<Entry, SHARE>; PORTS],
}

impl Table {
    pub const fn new() -> Self {
        Self {
            ports: [const { Vec::new() }; PORTS],
        }
    }

    /// The port behind which the address was seen last.
    pub fn find(&self, mac: Mac, now: u64) -> Option<usize> {
        let known = |entry: &Entry| entry.mac == mac && now.saturating_sub(entry.seen) < AGE;
        self.ports.iter().position(|port| port.iter().any(known))
    }

    /// It was seen behind this port, and is behind no other.
    pub fn learn(&mut self, mac: Mac, port: usize, now: u64) {
        for (number, entries) in self.ports.iter_mut().enumerate() {
            if number == port {
                confirm(entries, mac, now);
            } else {
                entries.retain(|entry| entry.mac != mac);
            }
        }
    }

    /// Nothing is behind this port any more.
    pub fn forget(&mut self, port: usize) {
        if let Some(entries) = self.ports.get_mut(port) {
            entries.clear();
        }
    }
}

fn confirm(entries: &mut Vec<Entry, SHARE>, mac: Mac, now: u64) {
    if let Some(entry) = entries.iter_mut().find(|entry| entry.mac == mac) {
        entry.seen = now;
        return;
    }
    if entries.is_full()
        && let Some((oldest, _)) = entries.iter().enumerate().min_by_key(|(_, e)| e.seen)
    {
        entries.swap_remove(oldest);
    }
    // There is room now.
    let _ = entries.push(Entry { mac, seen: now });
}
