// SPDX-License-Identifier: BSD-2-Clause
//! What an agent works with on the host: a doorbell that updates nothing, a folder in memory, and the host's TCP.
#![allow(dead_code, reason = "each of the tests uses a part of it")]

pub mod doorbell;
pub mod server;
pub mod tcp;

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use molt_guest_client::print::Output;
use molt_guest_client::{Obstacle, Place, Server, Session, Value};
use molt_guest_fleet::{Agent, Bell, Store};
use molt_guest_part::Policy;

use doorbell::{Doorbell, Port};
use tcp::Tcp;

/// What is kept, also when a program dies; and how many steps the program has left before it does.
#[derive(Default)]
pub struct Kept {
    pub record: Vec<u8>,
    pub bundle: Vec<u8>,
    /// Files of the guest that a bundle's part has stored.
    pub stored: Vec<String>,
    pub lines: Vec<String>,
    /// Steps whose effect others can see, until the program dies; each may be one that fails.
    pub life: Option<u32>,
}

/// What the program prints when it dies, in place of an end.
pub const DEAD: usize = 4242;

impl Kept {
    /// One step of the program.
    pub fn lives(&mut self) -> bool {
        match &mut self.life {
            None => true,
            Some(0) => false,
            Some(life) => {
                *life -= 1;
                true
            }
        }
    }
}

pub type Shared<T> = Rc<RefCell<T>>;

#[derive(Clone)]
pub struct Folder(pub Shared<Kept>);

impl Store for Folder {
    type File = Vec<u8>;

    fn record(&mut self, to: &mut [u8]) -> Result<usize, usize> {
        let record = &self.0.borrow().record;
        to[..record.len()].copy_from_slice(record);
        Ok(record.len())
    }

    fn keep(&mut self, record: &[u8]) -> Result<(), usize> {
        let mut kept = self.0.borrow_mut();
        if !kept.lives() {
            return Err(DEAD);
        }
        kept.record = record.to_vec();
        Ok(())
    }

    fn begin(&mut self) -> Result<(), usize> {
        self.discard();
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), usize> {
        self.0.borrow_mut().bundle.extend(bytes);
        Ok(())
    }

    fn fetched(&mut self) -> Result<Vec<u8>, usize> {
        Ok(self.0.borrow().bundle.clone())
    }

    fn discard(&mut self) {
        let mut kept = self.0.borrow_mut();
        if kept.life != Some(0) {
            kept.bundle.clear();
        }
    }
}

pub struct Ring {
    pub doorbell: Shared<Doorbell>,
    pub kept: Shared<Kept>,
}

impl Bell for Ring {
    type Port = Port;

    fn open(&mut self, output: &mut impl Output) -> Option<Session<Port>> {
        let port = Port::new(self.doorbell.clone(), self.kept.clone());
        let session = Session::begin(port);
        let session = session.inspect_err(|trouble| output.line(format_args!("error: {trouble}")));
        session.ok()
    }
}

/// A guest whose owner allows one folder.
pub struct Guest(pub Shared<Kept>);

impl Place for Guest {
    fn policy(&self) -> Policy<'static> {
        Policy("file /etc/molt/")
    }

    fn put(&mut self, path: &str, _: u32, _: &[u8]) -> Result<(), Obstacle> {
        self.0.borrow_mut().stored.push(format!("put {path}"));
        Ok(())
    }

    fn put_back(&mut self, path: &str) -> Result<(), Obstacle> {
        self.0.borrow_mut().stored.push(format!("back {path}"));
        Ok(())
    }

    fn forget(&mut self, path: &str) -> Result<(), Obstacle> {
        self.0.borrow_mut().stored.push(format!("keep {path}"));
        Ok(())
    }

    fn parameter(&mut self, _: &str, _: &str) -> Result<Value, Obstacle> {
        Err(Obstacle::Text)
    }

    fn set_parameter(&mut self, _: &str, _: &str, _: &str) -> Result<(), Obstacle> {
        Err(Obstacle::Text)
    }

    fn execute<'a>(&mut self, _: impl Iterator<Item = &'a str>) -> Result<(), Obstacle> {
        Err(Obstacle::Text)
    }
}

pub struct Lines(pub Shared<Kept>);

impl Output for Lines {
    fn line(&mut self, line: fmt::Arguments<'_>) {
        self.0.borrow_mut().lines.push(line.to_string());
    }
}

/// A guest with its doorbell and its folder, which outlive the program.
#[derive(Default, Clone)]
pub struct World {
    pub kept: Shared<Kept>,
    pub doorbell: Shared<Doorbell>,
}

pub type HostAgent<'a> = Agent<'a, Tcp, Folder, Ring, Guest, Lines>;

impl World {
    /// The program, started anew.
    pub fn agent<'a>(&self, url: &'a str, token: Option<&'a str>) -> HostAgent<'a> {
        let kept = || self.kept.clone();
        let mut attributes = [None; 8];
        attributes[0] = Some("hw_boardname=molt");
        Agent {
            network: Tcp::new(kept()),
            store: Folder(kept()),
            bell: Ring {
                doorbell: self.doorbell.clone(),
                kept: kept(),
            },
            place: Guest(kept()),
            output: Lines(kept()),
            server: Server {
                url,
                id: "guest-1",
                once: true,
                attributes,
                ..Server::default()
            },
            device: Some("disk"),
            token,
        }
    }

    pub fn lines(&self) -> String {
        self.kept.borrow().lines.join("\n")
    }
}

/// An envelope with this sequence number, which nobody has signed: who checks it is elsewhere.
pub fn bundle(sequence: u8, part: Option<&[u8]>) -> Vec<u8> {
    use molt_suit::encode;
    let driver = encode::Part {
        identifier: &[b"driver", b"block"],
        vendor: [1; 16],
        class: [2; 16],
        device: [3; 16],
        uri: "#driver",
        digest: [4; 32],
        size: 5,
    };
    let manifest = encode::manifest(sequence.into(), &[driver], None).unwrap();
    let digest = encode::digest(&manifest).unwrap();
    let mut out = encode::begin(2 + u64::from(part.is_some()), &digest, &[], true)
        .unwrap()
        .to_vec();
    out.extend(encode::member(3, manifest.len()).unwrap());
    out.extend(manifest);
    if let Some(part) = part {
        out.extend(encode::payload(molt_guest_part::PAYLOAD, part.len()).unwrap());
        out.extend(part);
    }
    out
}
