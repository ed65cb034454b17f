// SPDX-License-Identifier: BSD-2-Clause
//! The server, and the network between it and the agent. Time passes with each piece that is received.

use std::collections::{BTreeSet, VecDeque};

use molt_guest_fleet::{Connection, Lost};
use serde_json::Value;

use super::Shared;
use crate::bundle::chosen;

pub const URL: &str = "http://fleet:8080";
pub const ID: &str = "guest-1";
const HOST: (&str, u16) = ("fleet", 8080);
/// The agent's own resources.
const BASE: &str = "/DEFAULT/controller/v1/guest-1";
/// Bytes of an answer that is repeated: more than the agent may take of any.
const REPEATED: usize = 0x4_0000;
/// Milliseconds that a piece takes, and that a file may take.
const PIECE: u64 = 100;
const TIME: u64 = 15 * 60 * 1000;

/// An answer.
pub struct Answer {
    bytes: Vec<u8>,
    /// What is in it, where that is known.
    body: Option<Vec<u8>>,
}

impl Answer {
    /// By the first byte: as it is, a body with its length, a body in chunks, or as it is and repeated. No bytes: an empty body.
    pub fn new(part: &[u8]) -> Self {
        let (choice, body) = chosen(part);
        let known = |bytes| Self {
            bytes,
            body: Some(body.to_vec()),
        };
        let unknown = |bytes| Self { bytes, body: None };
        match choice % 4 {
            _ if part.is_empty() => known(with_length(body)),
            0 => unknown(body.to_vec()),
            1 => known(with_length(body)),
            2 => known(chunked(body)),
            _ => unknown(body.iter().copied().cycle().take(REPEATED).collect()),
        }
    }
}

fn with_length(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn chunked(body: &[u8]) -> Vec<u8> {
    let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(700) {
        bytes.extend(format!("{:X}\r\n", chunk.len()).bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

pub struct Server {
    answers: VecDeque<Answer>,
    /// Whether bytes come in small pieces.
    slow: bool,
    now: u64,
    /// Requests so far.
    pub requests: usize,
    /// Whether the last one was a poll.
    pub was_poll: bool,
    /// The texts of the last deployment, where they are known.
    texts: Option<BTreeSet<String>>,
}

impl Server {
    pub fn new(answers: VecDeque<Answer>, slow: bool) -> Self {
        Self {
            answers,
            slow,
            now: 0,
            requests: 0,
            was_poll: false,
            texts: None,
        }
    }

    /// Whether it has no more answers.
    pub fn is_silent(&self) -> bool {
        self.answers.is_empty()
    }

    /// A request is what the agent writes, and no more; the token is for the server alone; a file is one that a deployment names.
    fn asked(&mut self, host: &str, port: u16, request: &[u8], answer: Option<&[u8]>) {
        let text = std::str::from_utf8(request).expect("a request is text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a request has a head");
        let mut lines = head.split("\r\n");
        let first: Vec<_> = lines.next().unwrap_or_default().split(' ').collect();
        let [method, path, "HTTP/1.1"] = first[..] else {
            panic!("a request begins with {first:?}");
        };
        let own = host.eq_ignore_ascii_case(HOST.0) && port == HOST.1;
        let names: Vec<_> = lines
            .map(|line| {
                assert!(!line.contains(char::is_control), "{line:?}");
                let (name, value) = line.split_once(": ").expect("a header has a value");
                assert!(name != "Host" || value == format!("{host}:{port}"));
                name
            })
            .collect();
        let mut expected = vec!["Host", "Connection", "User-Agent", "Accept"];
        expected.extend(own.then_some("Authorization"));
        if method != "GET" {
            expected.extend(["Content-Type", "Content-Length"]);
            let document = serde_json::from_str::<Value>(body);
            assert!(document.is_ok(), "a report is no JSON: {body}");
        }
        assert_eq!(names, expected);
        match path.strip_prefix(BASE).filter(|_| own) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                self.was_poll = method == "GET" && rest.is_empty();
                if method == "GET" && rest.starts_with("/deploymentBase/") {
                    self.texts = answer.and_then(texts);
                }
            }
            _ => {
                assert_eq!(method, "GET");
                self.was_poll = false;
                // Of an escape that stays one, the reading is the agent's own. The path '/' can stand for none.
                let is_plain = path != "/" && !path.contains('\\');
                if let Some(texts) = self.texts.take().filter(|_| is_plain) {
                    let named = texts.iter().any(|text| text.ends_with(path));
                    assert!(named, "no deployment names {path}: {texts:?}");
                }
            }
        }
    }
}

/// All texts of a document.
fn texts(document: &[u8]) -> Option<BTreeSet<String>> {
    let mut values = vec![serde_json::from_slice(document).ok()?];
    let mut texts = BTreeSet::new();
    while let Some(value) = values.pop() {
        match value {
            Value::String(text) => drop(texts.insert(text)),
            Value::Array(inner) => values.extend(inner),
            Value::Object(inner) => values.extend(inner.into_iter().map(|(_, value)| value)),
            _ => {}
        }
    }
    Some(texts)
}

pub struct Network(pub Shared);

impl molt_guest_fleet::Network for Network {
    type Connection = Connected;

    fn connect(&mut self, host: &str, port: u16, deadline: u64) -> Result<Connected, Lost> {
        let server = &mut self.0.borrow_mut().server;
        assert!(deadline <= server.now + TIME, "a request without an end");
        server.requests += 1;
        let answer = server.answers.pop_front().ok_or(Lost::Late)?;
        Ok(Connected {
            scene: self.0.clone(),
            host: host.to_owned(),
            port,
            deadline,
            request: Vec::new(),
            answer,
            given: None,
        })
    }

    fn now(&self) -> u64 {
        self.0.borrow().server.now
    }

    fn pause(&mut self, milliseconds: u64) {
        self.0.borrow_mut().server.now += milliseconds;
    }
}

pub struct Connected {
    scene: Shared,
    host: String,
    port: u16,
    deadline: u64,
    request: Vec<u8>,
    answer: Answer,
    /// Bytes of the answer that were given.
    given: Option<usize>,
}

impl Connection for Connected {
    fn send(&mut self, bytes: &[u8], deadline: u64) -> Result<(), Lost> {
        assert_eq!(deadline, self.deadline);
        assert_eq!(self.given, None, "a second request");
        self.request.extend(bytes);
        Ok(())
    }

    fn receive(&mut self, to: &mut [u8], deadline: u64) -> Result<usize, Lost> {
        assert_eq!(deadline, self.deadline, "an answer gains time");
        let server = &mut self.scene.borrow_mut().server;
        if self.given.is_none() {
            let body = self.answer.body.as_deref();
            server.asked(&self.host, self.port, &self.request, body);
        }
        server.now += PIECE;
        if server.now > deadline {
            return Err(Lost::Late);
        }
        let room = if server.slow {
            1 + to.len() / 3
        } else {
            to.len()
        };
        let given = self.given.unwrap_or(0);
        let rest = &self.answer.bytes[given..];
        let count = room.min(rest.len());
        to[..count].copy_from_slice(&rest[..count]);
        self.given = Some(given + count);
        Ok(count)
    }
}
