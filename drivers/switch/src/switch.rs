// SPDX-License-Identifier: BSD-2-Clause
//! The switch.

use heapless::Vec;

use crate::counters::{Counters, Dropped};
use crate::frame::{Header, Mac, is_group, is_link_local};
use crate::ports::{PORTS, Ports};
use crate::table::Table;

/// The configuration of a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Port {
    /// Frames from it have this source, or go nowhere; frames for this address go to it and nowhere else.
    pub held_to: Option<Mac>,
    /// It exchanges frames only with ports that are not isolated.
    pub isolated: bool,
}

/// A switch of up to [`PORTS`] ports.
#[derive(Debug)]
pub struct Switch {
    ports: Vec<Port, PORTS>,
    counters: [Counters; PORTS],
    isolated: Ports,
    table: Table,
}

impl Default for Switch {
    fn default() -> Self {
        Self::new()
    }
}

impl Switch {
    /// A switch without ports.
    pub const fn new() -> Self {
        Self {
            ports: Vec::new(),
            counters: [Counters {
                from: 0,
                from_bytes: 0,
                to: 0,
                to_bytes: 0,
                bad_source: 0,
                local: 0,
                isolated: 0,
                no_room: 0,
            }; PORTS],
            isolated: Ports::NONE,
            table: Table::new(),
        }
    }

    /// Adds a port; its number. `None`: there are [`PORTS`] already, or it would be held to a group's address or
    /// to that of another port.
    pub fn add(&mut self, port: Port) -> Option<usize> {
        let number = self.ports.len();
        let taken = |mac: Mac| is_group(mac) || self.holder(mac).is_some();
        if port.held_to.is_some_and(taken) {
            return None;
        }
        self.ports.push(port).ok()?;
        if port.isolated {
            self.isolated = self.isolated.with(Ports::one(number));
        }
        Some(number)
    }

    /// The ports that a frame of `length` bytes from this port goes to; `now` is in seconds. The frame is counted.
    ///
    /// # Errors
    /// Why the frame is dropped, which is counted too.
    pub fn forward(
        &mut self,
        from: usize,
        header: &Header,
        length: usize,
        now: u64,
    ) -> Result<Ports, Dropped> {
        let result = self.decide(from, header, now);
        if let Some(counters) = self.counters.get_mut(from) {
            match result {
                Ok(_) => {
                    counters.from += 1;
                    counters.from_bytes += length as u64;
                }
                Err(why) => counters.dropped(why),
            }
        }
        for port in result.unwrap_or_default() {
            if let Some(counters) = self.counters.get_mut(port) {
                counters.to += 1;
                counters.to_bytes += length as u64;
            }
        }
        result
    }

    /// Counts a frame of `length` bytes that was to go to this port and was dropped, because it had no room.
    pub fn no_room(&mut self, port: usize, length: usize) {
        if let Some(counters) = self.counters.get_mut(port) {
            counters.to = counters.to.saturating_sub(1);
            counters.to_bytes = counters.to_bytes.saturating_sub(length as u64);
            counters.no_room += 1;
        }
    }

    /// Forgets the addresses behind this port, because its client was started anew.
    pub fn forget(&mut self, port: usize) {
        self.table.forget(port);
    }

    /// The counters of this port.
    pub fn counters(&self, port: usize) -> Counters {
        self.counters.get(port).copied().unwrap_or_default()
    }

    fn decide(&mut self, from: usize, header: &Header, now: u64) -> Result<Ports, Dropped> {
        let port = self.ports.get(from).ok_or(Dropped::NoPort)?;
        let source = header.source;
        if is_group(source) || port.held_to.is_some_and(|mac| mac != source) {
            return Err(Dropped::Source);
        }
        match self.holder(source) {
            None => self.table.learn(source, from, now),
            // Behind this port; the table has only what no port is held to.
            Some(holder) if holder == from => {}
            // Another's address.
            Some(_) => return Err(Dropped::Source),
        }
        if is_link_local(header.destination) {
            return Err(Dropped::Local);
        }
        let others = Ports::below(self.ports.len()).without(Ports::one(from));
        let wanted = match self.place(header.destination, now) {
            Some(place) => others.and(Ports::one(place)),
            None => others,
        };
        let reachable = match port.isolated {
            true => wanted.without(self.isolated),
            false => wanted,
        };
        match (reachable.is_empty(), wanted.is_empty()) {
            (false, _) => Ok(reachable),
            (true, true) => Err(Dropped::Local),
            (true, false) => Err(Dropped::Isolated),
        }
    }

    /// Where an address is, if that is known and it is one place.
    fn place(&self, mac: Mac, now: u64) -> Option<usize> {
        if is_group(mac) {
            return None;
        }
        self.holder(mac).or_else(|| self.table.find(mac, now))
    }

    fn holder(&self, mac: Mac) -> Option<usize> {
        self.ports.iter().position(|port| port.held_to == Some(mac))
    }
}
