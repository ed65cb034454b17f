// SPDX-License-Identifier: BSD-2-Clause
//! A doorbell that knows one device, and ends every update as it is told to.

use std::collections::VecDeque;

use molt_doorbell::port::{self, Device, Handle, Header, Kind, State, Target, Welcome};
use molt_doorbell::{Reason, Status};
use molt_guest_client::Stream;
use zerocopy::{FromBytes, IntoBytes};

use super::{DEAD, Kept, Shared};

/// The device and the state of its transaction, as `update` has them.
pub struct Doorbell {
    /// How updates end that are confirmed.
    pub ends: VecDeque<(Status, Reason)>,
    /// Why offers are refused.
    pub refuses: VecDeque<Reason>,
    /// Bundles that were offered, and the handles that were confirmed.
    pub offered: Vec<Vec<u8>>,
    pub confirmed: Vec<u64>,
    pub longest: u32,
    pub sequence: u64,
    generation: u64,
    status: Status,
    reason: Reason,
    handle: u64,
    /// The number of the bundle that is under way.
    number: u64,
    /// Whether the doorbell has been told what is committed.
    knows: bool,
}

impl Default for Doorbell {
    fn default() -> Self {
        Self {
            ends: VecDeque::new(),
            refuses: VecDeque::new(),
            offered: Vec::new(),
            confirmed: Vec::new(),
            longest: 0x1_0000,
            sequence: 3,
            generation: 1,
            status: Status::Idle,
            reason: Reason::None,
            handle: 0,
            number: 0,
            knows: true,
        }
    }
}

impl Doorbell {
    /// What becomes of an offer that nobody confirms.
    pub fn time_passes(&mut self) {
        if self.status == Status::Offered {
            (self.status, self.reason) = (Status::Refused, Reason::Expired);
        }
        while self.is_under_way() {
            self.goes_on();
        }
    }

    /// The machine is started anew, with what is committed.
    pub fn starts_anew(&mut self) {
        self.time_passes();
        (self.status, self.reason, self.generation) = (Status::Idle, Reason::None, 0);
        self.knows = false;
    }

    fn is_under_way(&self) -> bool {
        matches!(self.status, Status::Confirmed | Status::Probation)
    }

    fn goes_on(&mut self) {
        if self.status == Status::Confirmed {
            self.status = Status::Probation;
            return;
        }
        let end = self.ends.pop_front();
        (self.status, self.reason) = end.unwrap_or((Status::Committed, Reason::None));
        self.generation += 1;
        if self.status == Status::Committed {
            self.sequence = self.number;
        }
    }

    fn state(&self) -> State {
        let waits = self.status == Status::Offered;
        State {
            component: 2.into(),
            status: (self.status as u32).into(),
            reason: (self.reason as u32).into(),
            progress: 0.into(),
            handle: if waits { self.handle } else { 0 }.into(),
            generation: self.generation.into(),
            sequence: self.sequence.into(),
        }
    }

    fn answer(&mut self, kind: Kind, body: &[u8]) -> Vec<u8> {
        match kind {
            Kind::Hello => {
                let welcome = Welcome {
                    magic: port::MAGIC.into(),
                    version: port::VERSION.into(),
                    longest_bundle: self.longest.into(),
                };
                return welcome.as_bytes().to_vec();
            }
            Kind::Devices => {
                let mut name = [0; 16];
                name[..4].copy_from_slice(b"disk");
                let device = Device {
                    component: 2.into(),
                    flags: (Device::MAY_UPDATE | if self.knows { Device::SEQUENCE } else { 0 })
                        .into(),
                    generation: self.generation.into(),
                    sequence: if self.knows { self.sequence } else { 0 }.into(),
                    name,
                };
                return device.as_bytes().to_vec();
            }
            Kind::Offer => {
                let bundle = &body[size_of::<Target>()..];
                self.offered.push(bundle.to_vec());
                self.number = u64::from(number(bundle));
                let refused = self.refuses.pop_front();
                let refused =
                    refused.or((self.number <= self.sequence).then_some(Reason::OldSequence));
                self.knows = true;
                self.handle += 0xa0;
                (self.status, self.reason) = match refused {
                    Some(reason) => (Status::Refused, reason),
                    None => (Status::Offered, Reason::None),
                };
            }
            Kind::Confirm => {
                let handle = Handle::read_from_bytes(body).unwrap().handle.get();
                assert_eq!(
                    (self.status, handle),
                    (Status::Offered, self.handle),
                    "a wrong confirm"
                );
                self.confirmed.push(handle);
                self.status = Status::Confirmed;
            }
            Kind::Cancel => (self.status, self.reason) = (Status::Refused, Reason::Cancelled),
            Kind::Next => self.goes_on(),
            _ => {}
        }
        self.state().as_bytes().to_vec()
    }
}

/// The sequence number of a bundle that these tests make.
fn number(bundle: &[u8]) -> u8 {
    // A map, version 1, and the number's key.
    let manifest = [0xa6, 1, 1, 2];
    let at = bundle.windows(4).position(|bytes| bytes == manifest);
    at.map_or(0, |at| bundle[at + 4])
}

/// A session's port.
pub struct Port {
    doorbell: Shared<Doorbell>,
    kept: Shared<Kept>,
    sent: Vec<u8>,
    ready: VecDeque<u8>,
}

impl Port {
    pub fn new(doorbell: Shared<Doorbell>, kept: Shared<Kept>) -> Self {
        Self {
            doorbell,
            kept,
            sent: Vec::new(),
            ready: VecDeque::new(),
        }
    }
}

impl Stream for Port {
    fn read(&mut self, to: &mut [u8]) -> Result<usize, usize> {
        // The program may also die while it waits for the answer.
        if !self.kept.borrow_mut().lives() {
            return Err(DEAD);
        }
        let count = self.ready.len().min(to.len());
        for (place, byte) in to.iter_mut().zip(self.ready.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, usize> {
        self.sent.extend(bytes);
        while let Some((header, body, rest)) = port::frame(&self.sent) {
            if !self.kept.borrow_mut().lives() {
                return Err(DEAD);
            }
            let kind = Kind::from_u32(header.kind.get()).unwrap();
            let answer = self.doorbell.borrow_mut().answer(kind, body);
            self.ready
                .extend(Header::answer(kind, answer.len()).as_bytes());
            self.ready.extend(answer);
            self.sent = rest.to_vec();
        }
        Ok(bytes.len())
    }
}
