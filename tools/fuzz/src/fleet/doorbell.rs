// SPDX-License-Identifier: BSD-2-Clause
//! A doorbell that knows one device, and ends every update in one way.

use std::collections::VecDeque;

use molt_doorbell::port::{self, Device, Header, Kind, State, Welcome};
use molt_doorbell::{Reason, Status};
use molt_guest_client::print::Output;
use molt_guest_client::{Session, Stream};
use molt_guest_fleet::{Bell, Record};
use zerocopy::{FromBytes, IntoBytes};

use super::{Scene, Shared};

/// Most bytes of a bundle.
pub const LONGEST: u32 = 0x800;
const COMPONENT: u32 = 2;
const HANDLE: u64 = 160;
/// The sequence number that is committed.
const SEQUENCE: u64 = 3;

pub struct Doorbell {
    status: Status,
    reason: Reason,
    /// Why an offer is refused.
    refuses: Option<Reason>,
    /// How an update ends.
    end: (Status, Reason),
    pub offers: usize,
    pub confirms: usize,
}

impl Doorbell {
    /// By bits: 0 and 1: how an update ends; 2: there is an offer already.
    pub fn new(choice: u8) -> Self {
        let committed = (Status::Committed, Reason::None);
        let (refuses, end) = match choice % 4 {
            0 => (None, committed),
            1 => (None, (Status::RolledBack, Reason::Heartbeat)),
            2 => (Some(Reason::Busy), committed),
            _ => (Some(Reason::OldSequence), committed),
        };
        let offered = choice & 4 != 0;
        Self {
            status: if offered {
                Status::Offered
            } else {
                Status::Idle
            },
            reason: Reason::None,
            refuses,
            end,
            offers: 0,
            confirms: 0,
        }
    }

    fn state(&self) -> State {
        let waits = self.status == Status::Offered;
        State {
            component: COMPONENT.into(),
            status: (self.status as u32).into(),
            reason: (self.reason as u32).into(),
            progress: 0.into(),
            handle: if waits { HANDLE } else { 0 }.into(),
            generation: 1.into(),
            sequence: SEQUENCE.into(),
        }
    }
}

impl Scene {
    /// What is offered is what was fetched for an action that is under way and still wanted; what is confirmed is in the record.
    fn answer(&mut self, kind: Kind, body: &[u8]) -> Vec<u8> {
        let record = Record::read(&self.record).expect("a record that was read");
        let doorbell = &mut self.doorbell;
        match kind {
            Kind::Hello => {
                let welcome = Welcome {
                    magic: port::MAGIC.into(),
                    version: port::VERSION.into(),
                    longest_bundle: LONGEST.into(),
                };
                return welcome.as_bytes().to_vec();
            }
            Kind::Devices => {
                let device = Device {
                    component: COMPONENT.into(),
                    flags: (Device::MAY_UPDATE | Device::SEQUENCE).into(),
                    generation: 1.into(),
                    sequence: SEQUENCE.into(),
                    name: *b"disk\0\0\0\0\0\0\0\0\0\0\0\0",
                };
                return device.as_bytes().to_vec();
            }
            Kind::Offer => {
                let bundle = &body[size_of::<port::Target>()..];
                assert!(matches!(record, Record::Taken { .. }), "{record:?}");
                assert!(self.server.was_poll, "it may have been taken back");
                assert!(bundle.len() <= LONGEST as usize);
                let is_in_file = bundle.is_empty()
                    || self.file.windows(bundle.len()).any(|piece| piece == bundle);
                assert!(is_in_file, "what is offered was not fetched");
                doorbell.offers += 1;
                (doorbell.status, doorbell.reason) = match doorbell.refuses {
                    Some(reason) => (Status::Refused, reason),
                    None => (Status::Offered, Reason::None),
                };
            }
            Kind::Confirm => {
                let asked = port::Handle::read_from_bytes(body).expect("a handle");
                assert_eq!(asked.handle.get(), HANDLE);
                assert_eq!(doorbell.status, Status::Offered);
                let is_kept =
                    matches!(record, Record::Confirmed { handle, .. } if handle == HANDLE);
                assert!(is_kept, "{record:?}");
                doorbell.confirms += 1;
                doorbell.status = Status::Confirmed;
            }
            Kind::Cancel => {
                (doorbell.status, doorbell.reason) = (Status::Refused, Reason::Cancelled);
            }
            Kind::Next if doorbell.status == Status::Confirmed => {
                doorbell.status = Status::Probation;
            }
            Kind::Next => (doorbell.status, doorbell.reason) = doorbell.end,
            _ => {}
        }
        doorbell.state().as_bytes().to_vec()
    }
}

pub struct Ring(pub Shared);

impl Bell for Ring {
    type Port = Port;

    fn open(&mut self, _: &mut impl Output) -> Option<Session<Port>> {
        let port = Port {
            scene: self.0.clone(),
            sent: Vec::new(),
            ready: VecDeque::new(),
        };
        Session::begin(port).ok()
    }
}

/// A session's port.
pub struct Port {
    scene: Shared,
    sent: Vec<u8>,
    ready: VecDeque<u8>,
}

impl Stream for Port {
    fn read(&mut self, to: &mut [u8]) -> Result<usize, usize> {
        let count = self.ready.len().min(to.len());
        for (place, byte) in to.iter_mut().zip(self.ready.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, usize> {
        self.sent.extend(bytes);
        while let Some((header, body, rest)) = port::frame(&self.sent) {
            let kind = Kind::from_u32(header.kind.get()).expect("a command");
            let answer = self.scene.borrow_mut().answer(kind, body);
            self.ready
                .extend(Header::answer(kind, answer.len()).as_bytes());
            self.ready.extend(answer);
            self.sent = rest.to_vec();
        }
        Ok(bytes.len())
    }
}
