// SPDX-License-Identifier: BSD-2-Clause
//! What a fleet's server answers, read by the whole agent of `molt-guest poll`. The first byte chooses how the guest stands
//! ([`Scene::new`]). The rest is parts, with [`BETWEEN`] between them: the record that was kept, where one was, and then the
//! answers in the order in which they are asked for. The first byte of an answer says how it is sent ([`Answer::new`]).

mod doorbell;
mod guest;
mod server;

use std::cell::RefCell;
use std::rc::Rc;

use molt_guest_client as client;
use molt_guest_fleet::Agent;

use doorbell::{Doorbell, Ring};
use guest::{Folder, Guest, Lines};
use server::{Answer, Network, Server};

use crate::bundle::{chosen, manifests, wrap};

/// What is between two parts; it is in no text.
const BETWEEN: [u8; 2] = [0xff; 2];
/// Polls of one run.
const CYCLES: usize = 8;
/// Requests of one poll: a report of an end, two polls with a cancellation each and the attributes between them, the deployment,
/// the report that it begins, the file with its redirections, another poll, and the report of the end.
const REQUESTS: usize = 1 + 2 + 1 + 2 + 1 + 1 + 5 + 2 + 1;

/// All that the agent can reach. It outlives the agent, which is started anew for each poll.
struct Scene {
    server: Server,
    doorbell: Doorbell,
    record: Vec<u8>,
    /// The file that was fetched.
    file: Vec<u8>,
}

type Shared = Rc<RefCell<Scene>>;

impl Scene {
    /// By bits of the first byte: 0: there is a record; 1: bytes come in small pieces; the others are the doorbell's.
    fn new(bytes: &[u8]) -> Self {
        let (choice, bytes) = chosen(bytes);
        let mut parts = parts(bytes).into_iter();
        let record = (choice & 1 != 0).then(|| parts.next()).flatten();
        Self {
            server: Server::new(parts.map(Answer::new).collect(), choice & 2 != 0),
            doorbell: Doorbell::new(choice >> 2),
            record: record.unwrap_or_default().to_vec(),
            file: Vec::new(),
        }
    }
}

fn parts(bytes: &[u8]) -> Vec<&[u8]> {
    let (mut rest, mut parts) = (bytes, Vec::new());
    let between = |rest: &[u8]| rest.windows(2).position(|two| two == BETWEEN);
    while let Some(at) = between(rest) {
        parts.push(&rest[..at]);
        rest = &rest[at + BETWEEN.len()..];
    }
    parts.push(rest);
    parts
}

pub fn run(bytes: &[u8]) {
    play(bytes);
}

/// Polls until there are no answers left.
fn play(bytes: &[u8]) -> Shared {
    let scene = Rc::new(RefCell::new(Scene::new(bytes)));
    for _ in 0..CYCLES {
        if scene.borrow().server.is_silent() {
            break;
        }
        let asked = scene.borrow().server.requests;
        let mut agent = Agent {
            network: Network(scene.clone()),
            store: Folder(scene.clone()),
            bell: Ring(scene.clone()),
            place: Guest,
            output: Lines,
            server: client::Server {
                url: server::URL,
                id: server::ID,
                attributes: [Some("name=value"); client::MAX_ATTRIBUTES],
                ..client::Server::default()
            },
            device: None,
            token: Some("TargetToken secret"),
        };
        let _ = agent.cycle();
        let asked = scene.borrow().server.requests - asked;
        assert!(asked <= REQUESTS, "{asked} requests in one poll");
    }
    scene
}

pub fn seeds() -> Vec<Vec<u8>> {
    let poll = |links: &str| {
        let document =
            format!(r#"{{"config":{{"polling":{{"sleep":"00:05:00"}}}},"_links":{{{links}}}}}"#);
        [&[1], document.as_bytes()].concat()
    };
    let link = |name: &str, end: &str| {
        format!(r#""{name}":{{"href":"https:\/\/fleet\/DEFAULT\/{name}\/{end}?c\u003d-1"}}"#)
    };
    let update = poll(&link("deploymentBase", "7"));
    let cancel = poll(&link("cancelAction", "9"));
    let attributes = poll(&link("configData", ""));
    let stop = b"\x02{\"id\":\"9\",\"cancelAction\":{\"id\":\"9\",\"stopId\":\"7\"}}".to_vec();
    let deployment = |name: &str, link: &str| {
        let file =
            format!(r#"{{"filename":"{name}","_links":{{"download-http":{{"href":"{link}"}}}}}}"#);
        let other = r#"{"filename":"a.txt","size":3,"hashes":{"sha1":"0"},"_links":{}}"#;
        let document = format!(
            r#"{{"id":"7","deployment":{{"download":"forced","update":"attempt","chunks":[{{"part":"os","artifacts":[{other},{file}]}}]}}}}"#
        );
        [&[2], document.as_bytes()].concat()
    };
    let plain = deployment("disk.suit", "http:\\/\\/files:8080\\/disk.suit");
    let image = deployment("disk.swu", "/disk.swu");
    let (none, driver) = (Vec::new(), [vec![1], bundle()].concat());
    let archived = [vec![2], archive(&bundle())].concat();
    let moved = b"\x00HTTP/1.1 302 Found\r\nLocation: http://other/x\r\n\r\n".to_vec();
    let endless = b"\x03HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let early = b"\x00HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\nA: b\r\n\r\n";
    let scene = |choice: u8, parts: &[&Vec<u8>]| {
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_slice()).collect();
        [&[choice], parts.join(&BETWEEN[..]).as_slice()].concat()
    };
    let taken = b"molt-guest fleet 1\nstate taken\naction 7\nattempts 6\nunsure true\n".to_vec();
    let often =
        b"molt-guest fleet 1\nstate taken\naction 7\nattempts 4294967295\nunsure false\n".to_vec();
    let confirmed = b"molt-guest fleet 1\nstate confirmed\naction 7\nattempts 0\ncomponent 2\nhandle 160\nfrom 3\nto 4\n".to_vec();
    let ended =
        b"molt-guest fleet 1\nstate ended\naction 7\nsuccess false\ntold false\nwords x\n".to_vec();
    let end = [&update, &none];
    let offers = |choice, deployment, file| {
        scene(choice, &[&update, deployment, &none, file, end[0], end[1]])
    };
    vec![
        offers(0, &plain, &driver),
        offers(2 | 1 << 2, &image, &archived),
        offers(2 << 2, &plain, &driver),
        offers(3 << 2, &plain, &endless),
        scene(
            0,
            &[&update, &plain, &none, &moved, &driver, &update, &none],
        ),
        scene(
            0,
            &[&attributes, &none, &cancel, &stop, &none, &early.to_vec()],
        ),
        scene(
            1 | 2 << 2,
            &[&taken, &update, &plain, &none, &driver, &update, &none],
        ),
        scene(1, &[&confirmed, &none, &cancel, &stop, &none]),
        scene(1 | 4 << 2, &[&confirmed, &none, &update, &none]),
        scene(1, &[&ended, &none, &update, &none]),
        scene(
            1 | 2 << 2,
            &[&often, &update, &plain, &none, &driver, &update, &none],
        ),
    ]
}

/// A bundle with a part for the guest.
fn bundle() -> Vec<u8> {
    let step = molt_guest_part::Step::File {
        path: "/etc/molt/a",
        mode: 0o644,
        contents: b"x",
    };
    let mut room = [0; 64];
    let mut rest = &mut room[..];
    molt_guest_part::encode(&[step], &mut rest).expect("a part is short");
    let free = rest.len();
    let part = &room[..room.len() - free];
    let manifest = manifests().swap_remove(0);
    wrap(&manifest, &[], &[(molt_guest_part::PAYLOAD, part)])
}

/// An SWUpdate image with it.
fn archive(bundle: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let members: [(&str, &[u8]); 3] = [
        ("sw-description", b"software"),
        ("disk.suit", bundle),
        ("TRAILER!!!", b""),
    ];
    for (name, content) in members {
        let (size, length) = (content.len(), name.len() + 1);
        let zero = "0".repeat(8);
        let head = format!(
            "070702{}{size:08x}{}{length:08x}{zero}{name}\0",
            zero.repeat(6),
            zero.repeat(4)
        );
        bytes.extend(head.bytes());
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_lead_to_offers_and_to_ends() {
        let scenes: Vec<_> = seeds().iter().map(|seed| play(seed)).collect();
        let offers = |at: usize| scenes[at].borrow().doorbell.offers;
        assert_eq!([0, 1, 2, 3, 4, 5, 6].map(offers), [1, 1, 1, 0, 1, 0, 1]);
        let confirms = |at: usize| scenes[at].borrow().doorbell.confirms;
        assert_eq!([0, 1, 2, 4, 7, 8].map(confirms), [1, 1, 0, 1, 0, 1]);
        for (at, scene) in scenes.iter().enumerate() {
            assert!(
                scene.borrow().server.is_silent(),
                "seed {at} is not read to its end"
            );
        }
    }
}
