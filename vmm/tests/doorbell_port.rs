// SPDX-License-Identifier: BSD-2-Clause
//! The doorbell on a port: a guest that keeps to the protocol gets its update, and one that does not gets errors.

mod common;
#[path = "ports/mod.rs"]
mod ports;

use std::rc::Rc;
use std::sync::atomic::AtomicU64;

use common::words;
use molt_doorbell::port::{self, Device, Entry, Fault, Handle, Header, Hello, Kind, State, Target};
use molt_doorbell::{Answer, Command, Deferrer, Reason, Request, Status};
use molt_gate::Warden;
use molt_shared::Memory;
use molt_vmm::virtio::console::Console;
use molt_vmm::{Component, Deferral, DoorbellPort, Mailbox};
use ports::Rig;
use proptest::prelude::*;
use zerocopy::{FromBytes, IntoBytes};

const STAGING: usize = 0x4000;
const HANDLE: u64 = 0x1234_5678_9abc_def0;

struct Bell {
    rig: Rig,
    staging: Memory,
    to_client: &'static [AtomicU64],
    to_update: &'static [AtomicU64],
    /// What has come and was not read as a frame.
    come: Vec<u8>,
}

impl Bell {
    fn new() -> Self {
        let (to_client, to_update) = (words(512), words(512));
        let staging = Memory::of(words(STAGING / 8));
        let name = |text: &str| {
            let mut name = [0; 16];
            name[..text.len()].copy_from_slice(text.as_bytes());
            name
        };
        let component = |index, text, may_update| Component {
            index,
            name: name(text),
            may_update,
            sequence: None,
        };
        let mailbox = Rc::new(Mailbox::new(to_client, to_update));
        let components = [component(0, "disk", true), component(2, "network", false)];
        let nanoseconds = |ticks| ticks * 1000;
        let most = [(0, 0), (2, 30_000_000)];
        let deferral = Deferral::new((to_client, to_update), most, nanoseconds);
        let bell = DoorbellPort::new(mailbox, staging, components, nanoseconds).deferring(deferral);
        Answer::default().write(to_client);
        Self {
            rig: Rig::started(Console::new(&[]).with_port(1, bell)),
            staging,
            to_client,
            to_update,
            come: Vec::new(),
        }
    }

    /// With a session that has begun.
    fn greeted() -> Self {
        let mut bell = Self::new();
        bell.open();
        bell
    }

    fn open(&mut self) {
        self.come.clear();
        self.rig.open(1);
        let hello = Hello {
            magic: port::MAGIC.into(),
            version: port::VERSION.into(),
        };
        self.send(Kind::Hello, hello.as_bytes());
        let (kind, body) = self.answer().expect("a welcome");
        assert_eq!(kind, Kind::Hello as u32 | port::ANSWER);
        let welcome = port::Welcome::read_from_bytes(&body).unwrap();
        let told = (welcome.magic.get(), welcome.version.get());
        assert_eq!(told, (port::MAGIC, port::VERSION));
        assert_eq!(welcome.longest_bundle.get(), STAGING as u32);
    }

    fn raw(&mut self, bytes: &[u8]) {
        let mut sent = 0;
        while sent < bytes.len() {
            let count = self.rig.write(1, &bytes[sent..]);
            assert!(count > 0, "it does not take the rest");
            sent += count;
        }
    }

    fn send(&mut self, kind: Kind, body: &[u8]) {
        let header = Header::command(kind, body.len() as u32);
        self.raw(&[header.as_bytes(), body].concat());
    }

    fn offer(&mut self, component: u32, bundle: &[u8]) {
        let target = Target {
            component: component.into(),
        };
        self.send(Kind::Offer, &[target.as_bytes(), bundle].concat());
    }

    fn handle(&mut self, kind: Kind, handle: u64) {
        let body = Handle {
            component: 0.into(),
            handle: handle.into(),
        };
        self.send(kind, body.as_bytes());
    }

    /// The next answer.
    fn answer(&mut self) -> Option<(u32, Vec<u8>)> {
        self.come.extend(self.rig.read(1));
        let (header, body, rest) = port::frame(&self.come)?;
        let answer = (header.kind.get(), body.to_vec());
        self.come = rest.to_vec();
        Some(answer)
    }

    fn state(&mut self, kind: Kind) -> (Status, Reason, u64) {
        let (number, body) = self.answer().expect("an answer");
        assert_eq!(number, kind as u32 | port::ANSWER);
        let state = State::read_from_bytes(&body).unwrap();
        (
            Status::from_u32(state.status.get()).unwrap(),
            Reason::from_u32(state.reason.get()).unwrap(),
            state.handle.get(),
        )
    }

    fn fault(&mut self) -> Option<Fault> {
        let (number, body) = self.answer()?;
        assert_eq!(number, port::ERROR);
        Fault::from_u32(port::Error::read_from_bytes(&body).unwrap().fault.get())
    }

    fn asked(&self) -> Option<Request> {
        Request::read(self.to_update)
    }

    /// `update` answers what it was asked last.
    fn says(&mut self, status: Status, reason: Reason) {
        let handle = if status == Status::Offered { HANDLE } else { 0 };
        let answer = Answer {
            serial: self.asked().map_or(0, |asked| asked.serial),
            status,
            reason,
            handle,
            progress: 0,
            generation: 0,
            sequence: 7,
            ..Answer::default()
        };
        answer.write(self.to_client);
        self.rig.fake.now += 5;
        self.rig.poll();
    }

    fn staged(&self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.staging.read(0, &mut bytes).unwrap();
        bytes
    }
}

fn bundle(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 253) as u8).collect()
}

#[test]
fn an_update_from_the_offer_to_the_end() {
    let mut bell = Bell::greeted();
    let bytes = bundle(STAGING);
    bell.offer(0, &bytes);
    assert_eq!(bell.staged(STAGING), bytes);
    let offer = Request {
        serial: 1,
        command: Command::Offer,
        component: 0,
        length: STAGING as u32,
        handle: 0,
    };
    assert_eq!(bell.asked(), Some(offer));
    assert_eq!(bell.rig.fake.update, 1, "it is told once");
    assert_eq!(bell.answer(), None, "update has not answered");
    bell.says(Status::Offered, Reason::None);
    assert_eq!(
        bell.state(Kind::Offer),
        (Status::Offered, Reason::None, HANDLE)
    );
    bell.handle(Kind::Confirm, HANDLE);
    let confirm = bell.asked().unwrap();
    assert_eq!(
        (confirm.command, confirm.handle),
        (Command::Confirm, HANDLE)
    );
    bell.says(Status::Confirmed, Reason::None);
    assert_eq!(bell.state(Kind::Confirm).0, Status::Confirmed);
    bell.send(Kind::Next, &[]);
    assert_eq!(bell.answer(), None, "it knows that already");
    bell.says(Status::Verified, Reason::None);
    assert_eq!(bell.state(Kind::Next).0, Status::Verified);
    // What passes while the guest does not look is passed over.
    bell.says(Status::Staged, Reason::None);
    bell.says(Status::RolledBack, Reason::Heartbeat);
    bell.send(Kind::Next, &[]);
    let end = (Status::RolledBack, Reason::Heartbeat, 0);
    assert_eq!(bell.state(Kind::Next), end);
    bell.send(Kind::State, &[]);
    assert_eq!(bell.state(Kind::State), end);
    bell.send(Kind::Log, &[]);
    let (_, log) = bell.answer().unwrap();
    let log = <[Entry]>::ref_from_bytes(&log).unwrap();
    let seen: Vec<_> = (log.iter())
        .map(|entry| (entry.status.get(), entry.ago_us.get()))
        .collect();
    assert_eq!(seen, [(1, 20), (2, 15), (3, 10), (4, 5), (17, 0)]);
}

#[test]
fn a_guest_sees_what_it_may_update() {
    let mut bell = Bell::greeted();
    bell.offer(0, &[1]);
    bell.says(Status::Refused, Reason::Truncated);
    bell.answer().unwrap();
    bell.send(Kind::Devices, &[]);
    let (_, body) = bell.answer().unwrap();
    let devices = <[Device]>::ref_from_bytes(&body).unwrap();
    let told: Vec<_> = (devices.iter())
        .map(|d| (d.component.get(), d.name(), d.flags.get(), d.sequence.get()))
        .collect();
    let (may, known) = (Device::MAY_UPDATE, Device::SEQUENCE);
    assert_eq!(
        told,
        [
            (0, "disk", may | known, 7),
            (2, "network", Device::MAY_DEFER, 0)
        ]
    );
}

#[test]
fn a_guest_defers_updates_and_is_told_whom_its_own_waits_for() {
    let mut bell = Bell::greeted();
    let mut warden = Warden::new(bell.to_client, bell.to_update);
    let deferral = |component: u32, ms: u32| port::Deferral {
        component: component.into(),
        ms: ms.into(),
    };
    bell.send(Kind::Defer, deferral(0, 5).as_bytes());
    assert_eq!(
        bell.fault(),
        Some(Fault::NotAllowed),
        "it is the other device that it may"
    );
    bell.send(Kind::Defer, deferral(2, 5).as_bytes());
    assert_eq!(bell.fault(), Some(Fault::TooLate), "no driver is there yet");
    warden.open(2, 1);
    bell.rig.fake.now = 1000;
    bell.send(Kind::Defer, deferral(2, 5).as_bytes());
    let (kind, body) = bell.answer().unwrap();
    assert_eq!(kind, Kind::Defer as u32 | port::ANSWER);
    let answer = port::Deferral::read_from_bytes(&body).unwrap();
    assert_eq!(answer, deferral(2, 30_000), "the longest time");
    assert_eq!(warden.deferral(2), 6000);
    assert_eq!(
        (bell.rig.fake.update, bell.asked()),
        (0, None),
        "nobody waits for it"
    );
    warden.wait_for(2, 9000);
    bell.send(Kind::Defer, deferral(2, 0).as_bytes());
    bell.answer().unwrap();
    assert_eq!((warden.deferral(2), bell.rig.fake.update), (0, 1));
    // Its own update, which waits for another one.
    let told = |bell: &mut Bell| {
        bell.send(Kind::Deferrer, &[]);
        let (_, body) = bell.answer().unwrap();
        let deferrer = port::Deferrer::read_from_bytes(&body).unwrap();
        (deferrer.name().to_owned(), deferrer.left_ms.get())
    };
    assert_eq!(told(&mut bell), (String::new(), 0));
    bell.offer(0, &[1]);
    let mut name = [0; 16];
    name[..5].copy_from_slice(b"other");
    let answer = Answer {
        serial: bell.asked().unwrap().serial,
        status: Status::Deferred,
        deferred_by: Deferrer {
            name,
            until_us: bell.rig.fake.now + 2500,
        },
        ..Answer::default()
    };
    answer.write(bell.to_client);
    bell.rig.poll();
    assert_eq!(bell.state(Kind::Offer).0, Status::Deferred);
    assert_eq!(told(&mut bell), ("other".to_owned(), 3));
}

#[test]
fn a_bundle_that_does_not_fit_is_offered_at_its_length() {
    let mut bell = Bell::greeted();
    let bytes = bundle(STAGING + 5000);
    bell.offer(0, &bytes);
    assert_eq!(bell.asked().unwrap().length, STAGING as u32 + 5000);
    bell.says(Status::Refused, Reason::BadLength);
    assert_eq!(bell.state(Kind::Offer).1, Reason::BadLength);
    bell.offer(0, &[]);
    assert_eq!(bell.asked().unwrap().length, 0);
    bell.says(Status::Refused, Reason::BadLength);
    assert_eq!(bell.state(Kind::Offer).1, Reason::BadLength);
}

#[test]
fn while_an_update_is_under_way_no_bundle_is_taken() {
    let mut bell = Bell::greeted();
    bell.offer(0, &bundle(100));
    bell.says(Status::Offered, Reason::None);
    bell.state(Kind::Offer);
    bell.offer(0, &[0xee; 50]);
    assert_eq!(bell.fault(), Some(Fault::Busy));
    assert_eq!(bell.staged(100), bundle(100), "the first one's");
    assert_eq!(bell.asked().unwrap().serial, 1);
    bell.handle(Kind::Cancel, HANDLE);
    bell.says(Status::Refused, Reason::Cancelled);
    assert_eq!(bell.state(Kind::Cancel).1, Reason::Cancelled);
    bell.offer(0, &[0xee; 50]);
    assert_eq!(bell.staged(50), [0xee; 50]);
    assert_eq!(bell.asked().unwrap().serial, 3);
}

#[test]
fn the_next_command_waits_for_the_answer() {
    let mut bell = Bell::greeted();
    bell.offer(0, &bundle(100));
    bell.handle(Kind::Confirm, 1);
    bell.handle(Kind::Cancel, 2);
    assert_eq!(bell.asked().unwrap().serial, 1, "update has one mailbox");
    bell.says(Status::Offered, Reason::None);
    assert_eq!(bell.asked().unwrap().handle, 1);
    bell.says(Status::Offered, Reason::WrongHandle);
    assert_eq!(bell.asked().unwrap().handle, 2);
    assert_eq!(bell.state(Kind::Offer).1, Reason::None);
    assert_eq!(bell.state(Kind::Confirm).1, Reason::WrongHandle);
    assert_eq!(bell.answer(), None);
}

#[test]
fn a_session_begins_with_a_greeting_in_a_known_version() {
    let hello = |magic: u32, version: u32| Hello {
        magic: magic.into(),
        version: version.into(),
    };
    for (first, fault) in [
        (hello(port::MAGIC, 0), Fault::Version),
        (hello(port::MAGIC ^ 1, 1), Fault::NotHello),
    ] {
        let mut bell = Bell::new();
        bell.rig.open(1);
        bell.send(Kind::Hello, first.as_bytes());
        assert_eq!(bell.fault(), Some(fault));
        // The rest of the session is dropped.
        bell.send(Kind::Hello, hello(port::MAGIC, 1).as_bytes());
        bell.offer(0, &bundle(9));
        assert_eq!((bell.answer(), bell.asked()), (None, None));
        bell.rig.close(1);
        bell.open();
    }
    let mut bell = Bell::new();
    bell.rig.open(1);
    bell.offer(0, &bundle(9));
    assert_eq!(bell.fault(), Some(Fault::NotHello));
    assert_eq!(bell.asked(), None);
    bell.rig.close(1);
    bell.rig.open(1);
    // A newer guest gets the version that both know.
    bell.send(Kind::Hello, hello(port::MAGIC, 9).as_bytes());
    let (_, welcome) = bell.answer().unwrap();
    let welcome = port::Welcome::read_from_bytes(&welcome).unwrap();
    assert_eq!(welcome.version.get(), 1);
}

#[test]
fn commands_that_are_none_are_answered_and_passed_over() {
    let mut bell = Bell::greeted();
    for kind in [0, 12, 0x81, u32::MAX] {
        let header = Header {
            kind: kind.into(),
            length: 3000.into(),
        };
        bell.raw(&[header.as_bytes(), &[7; 3000]].concat());
        assert_eq!(bell.fault(), Some(Fault::UnknownCommand));
    }
    for (kind, length) in [
        (Kind::Confirm, 11),
        (Kind::Confirm, 13),
        (Kind::Log, 1),
        (Kind::Offer, 3),
    ] {
        bell.send(kind, &vec![0; length]);
        assert_eq!(bell.fault(), Some(Fault::BadLength), "{kind:?} {length}");
    }
    assert_eq!(bell.asked(), None);
    bell.send(Kind::State, &[]);
    assert_eq!(bell.state(Kind::State).0, Status::Idle);
}

#[test]
fn what_a_session_has_begun_ends_with_it() {
    for reset in [false, true] {
        let mut bell = Bell::greeted();
        let target = Target::default();
        let header = Header::command(Kind::Offer, 4 + 1000);
        bell.raw(&[header.as_bytes(), target.as_bytes(), &[1; 999]].concat());
        match reset {
            true => bell.rig.start(),
            false => bell.rig.close(1),
        }
        bell.open();
        assert_eq!(bell.asked(), None, "nothing was offered");
        bell.offer(0, &bundle(10));
        // The next session finds the transaction of this one.
        bell.rig.close(1);
        bell.says(Status::Offered, Reason::None);
        bell.open();
        bell.send(Kind::State, &[]);
        let state = bell.state(Kind::State);
        assert_eq!(state, (Status::Offered, Reason::None, HANDLE));
    }
}

#[test]
fn the_log_keeps_the_newest() {
    let mut bell = Bell::greeted();
    for _ in 0..40 {
        bell.handle(Kind::Cancel, 1);
        bell.says(Status::Refused, Reason::NothingOffered);
        bell.answer().unwrap();
    }
    bell.send(Kind::Log, &[]);
    let (_, log) = bell.answer().unwrap();
    assert_eq!(log.len(), port::ENTRIES * size_of::<Entry>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Any bytes in any pieces: no more than one command at a time reaches `update`, and the next session works.
    #[test]
    fn any_bytes(
        greet in any::<bool>(),
        frames in prop::collection::vec((0u32..12, 0u32..40, prop::collection::vec(any::<u8>(), 0..40)), 0..20),
        piece in 1usize..30,
    ) {
        let mut bell = Bell::new();
        match greet {
            true => bell.open(),
            false => bell.rig.open(1),
        }
        let mut bytes = Vec::new();
        for (kind, length, body) in frames {
            let header = Header { kind: kind.into(), length: length.into() };
            bytes.extend(header.as_bytes());
            bytes.extend(body);
        }
        for part in bytes.chunks(piece) {
            let serial = |bell: &Bell| bell.asked().map_or(0, |asked| asked.serial);
            let before = serial(&bell);
            bell.rig.write(1, part);
            let now = serial(&bell);
            prop_assert!(now <= before + 1);
            if now > before {
                bell.says(Status::Refused, Reason::NotAllowed);
            }
            bell.rig.read(1);
        }
        prop_assert!(!bell.rig.needs_reset());
        bell.rig.close(1);
        bell.says(Status::Idle, Reason::None);
        bell.open();
        bell.offer(0, &bundle(77));
        prop_assert_eq!(bell.staged(77), bundle(77));
    }

    /// However an offer is divided, its bytes arrive in order.
    #[test]
    fn an_offer_in_pieces(pieces in prop::collection::vec(1usize..400, 1..60)) {
        let mut bell = Bell::greeted();
        let bytes = bundle(9000);
        let header = Header::command(Kind::Offer, 9004);
        let all = [header.as_bytes(), Target::default().as_bytes(), &bytes].concat();
        let mut rest = all.as_slice();
        for piece in pieces {
            let (part, behind) = rest.split_at(piece.min(rest.len()));
            bell.raw(part);
            rest = behind;
        }
        bell.raw(rest);
        prop_assert_eq!(bell.asked().map(|asked| asked.length), Some(9000));
        prop_assert_eq!(bell.staged(9000), bytes);
    }
}
