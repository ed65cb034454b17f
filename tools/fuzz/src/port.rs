// SPDX-License-Identifier: BSD-2-Clause
//! The port of a doorbell. The bytes are pieces: a byte that says what, one for the length, and so many of the guest's bytes.

use std::rc::Rc;
use std::sync::atomic::AtomicU64;

use molt_doorbell::port::{self, Handle, Header, Hello, Kind, Target};
use molt_doorbell::{Answer, Reason, Request, Status};
use molt_shared::Memory;
use molt_vmm::virtio::port::Port as _;
use molt_vmm::{Component, Deferral, DoorbellPort, Mailbox};
use zerocopy::IntoBytes;

use crate::input::Input;
use crate::world::{clear, with_world, words};

/// Bytes of the staging region.
const STAGING: usize = 0x400;

thread_local! {
    static PAGES: [&'static [AtomicU64]; 3] = [words(512), words(512), words(STAGING / 8)];
}

pub fn run(bytes: &[u8]) {
    let [to_client, to_update, staging] = PAGES.with(|pages| *pages);
    [to_client, to_update, staging].into_iter().for_each(clear);
    Answer::default().write(to_client);
    let mailbox = Rc::new(Mailbox::new(to_client, to_update));
    let component = |index, name: &[u8; 16], may_update| Component {
        index,
        name: *name,
        may_update,
        sequence: None,
    };
    let components = [
        component(0, b"disk\0\0\0\0\0\0\0\0\0\0\0\0", true),
        component(2, b"network\0\0\0\0\0\0\0\0\0", false),
    ];
    let deferral = Deferral::new((to_client, to_update), [(0, 1_000_000)], |ticks| ticks);
    let mut port = DoorbellPort::new(mailbox, Memory::of(staging), components, |ticks| ticks)
        .deferring(deferral);
    port.open();
    let mut input = Input::new(bytes);
    let mut room = [0; 256];
    while !input.is_empty() {
        let (what, length) = (input.u8(), input.u8());
        let sent = input.bytes(length.into());
        match what % 8 {
            0 => {
                port.close();
                port.open();
            }
            1 => drop(with_world(|world| port.poll(world))),
            2 => answer(Request::read(to_update), what, length).write(to_client),
            _ if sent.is_empty() => {}
            _ => {
                let taken = with_world(|world| port.take(sent, world));
                assert!(taken <= sent.len(), "it takes more than there is");
            }
        }
        let given = port.give(&mut room[..1 + usize::from(length)]);
        assert!(
            given <= 1 + usize::from(length),
            "it gives more than there is room for"
        );
        if let Some(request) = Request::read(to_update) {
            assert!(
                request.length as usize <= STAGING,
                "more than the staging region has"
            );
        }
    }
}

/// `update`'s answer to the newest request.
fn answer(request: Option<Request>, what: u8, value: u8) -> Answer {
    Answer {
        serial: request.map_or(0, |request| request.serial),
        status: Status::from_u32((what >> 3).into()).unwrap_or_default(),
        reason: Reason::from_u32(value.into()).unwrap_or_default(),
        handle: 0x1234_5678_9abc_def0,
        progress: value.into(),
        generation: 1,
        sequence: 1,
        ..Answer::default()
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let piece = |bytes: &[u8]| [&[3, bytes.len() as u8], bytes].concat();
    let send = |kind, body: &[u8]| {
        let header = Header::command(kind, body.len() as u32);
        piece(&[header.as_bytes(), body].concat())
    };
    let hello = Hello {
        magic: port::MAGIC.into(),
        version: port::VERSION.into(),
    };
    let hello = send(Kind::Hello, hello.as_bytes());
    let target = Target {
        component: 0.into(),
    };
    let offer = send(Kind::Offer, &[target.as_bytes(), &[7; 100]].concat());
    let answers = |status: Status| [[2 | (status as u8) << 3, 0], [1, 0]].concat();
    let handle = Handle {
        component: 0.into(),
        handle: 0x1234_5678_9abc_def0.into(),
    };
    let confirm = send(Kind::Confirm, handle.as_bytes());
    let session = [
        hello.clone(),
        offer,
        answers(Status::Offered),
        confirm,
        answers(Status::Committed),
    ];
    let lists = [Kind::Devices, Kind::State, Kind::Log].map(|kind| send(kind, &[]));
    vec![session.concat(), [hello, lists.concat()].concat()]
}
