// SPDX-License-Identifier: BSD-2-Clause
//! A doorbell that gives prepared answers.
#![allow(dead_code, reason = "each of the tests uses a part of it")]

use std::collections::VecDeque;
use std::fmt;

use molt_doorbell::port::{self, Device, Fault, Header, Kind, State, Welcome};
use molt_doorbell::{Reason, Status};
use molt_guest_client::Stream;
use molt_guest_client::print::Output;
use zerocopy::IntoBytes;

pub const HANDLE: u64 = 0xab;

/// A doorbell that gives these answers, one for each command, a few bytes at a time.
#[derive(Default)]
pub struct Script {
    pub answers: VecDeque<Vec<u8>>,
    pub sent: Vec<u8>,
    /// The commands that were whole.
    pub commands: Vec<(u32, Vec<u8>)>,
    pub ready: VecDeque<u8>,
}

impl Stream for &mut Script {
    fn read(&mut self, to: &mut [u8]) -> Result<usize, usize> {
        let count = self.ready.len().min(to.len()).min(5);
        for (place, byte) in to.iter_mut().zip(self.ready.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, usize> {
        let count = bytes.len().min(7);
        self.sent.extend(&bytes[..count]);
        while let Some((header, body, rest)) = port::frame(&self.sent) {
            self.commands.push((header.kind.get(), body.to_vec()));
            self.sent = rest.to_vec();
            self.ready
                .extend(self.answers.pop_front().unwrap_or_default());
        }
        Ok(count)
    }
}

#[derive(Default)]
pub struct Lines(pub Vec<String>);

impl Output for Lines {
    fn line(&mut self, line: fmt::Arguments<'_>) {
        self.0.push(line.to_string());
    }
}

pub fn answer(kind: Kind, body: &[u8]) -> Vec<u8> {
    let header = Header::answer(kind, body.len());
    [header.as_bytes(), body].concat()
}

pub fn welcome() -> Vec<u8> {
    let body = Welcome {
        magic: port::MAGIC.into(),
        version: 1.into(),
        longest_bundle: 0x10_0000.into(),
    };
    answer(Kind::Hello, body.as_bytes())
}

pub fn device(component: u32, name: &str, flags: u32) -> Device {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Device {
        component: component.into(),
        flags: flags.into(),
        generation: 3.into(),
        sequence: 9.into(),
        name: bytes,
    }
}

pub fn devices(flags: [u32; 2]) -> Vec<u8> {
    let list = [device(0, "disk", flags[0]), device(1, "net\"", flags[1])];
    answer(Kind::Devices, list.as_bytes())
}

pub fn state(kind: Kind, status: Status, reason: Reason) -> Vec<u8> {
    let handle = if status == Status::Offered { HANDLE } else { 0 };
    let body = State {
        component: 0.into(),
        status: (status as u32).into(),
        reason: (reason as u32).into(),
        progress: 0.into(),
        handle: handle.into(),
        generation: 4.into(),
        sequence: 10.into(),
    };
    answer(kind, body.as_bytes())
}

pub fn fault(fault: Fault) -> Vec<u8> {
    let body = port::Error {
        fault: (fault as u32).into(),
    };
    [Header::error().as_bytes(), body.as_bytes()].concat()
}
