// SPDX-License-Identifier: BSD-2-Clause
//! The line to a controller. The first byte chooses: even, and the rest is what is on the line; odd, and the rest is the content of
//! frames that are whole, each with its kind and length in front.

use molt_firmware::{PublicKey, parse};
use molt_link::frame::Frame;
use molt_link::{Answer, Device, Host, Request, Timing};

use crate::bundle::chosen;
use crate::input::Input;

pub fn run(bytes: &[u8]) {
    let (choice, bytes) = chosen(bytes);
    let line = match choice % 2 {
        0 => bytes.to_vec(),
        _ => frames(bytes),
    };
    device(&line);
    host(&line);
    if let (Ok(image), Some(key)) = (parse(bytes), PublicKey::from_bytes(&[2; 32])) {
        let _ = image.signed_by(&key);
    }
}

fn frames(bytes: &[u8]) -> Vec<u8> {
    let mut input = Input::new(bytes);
    let mut line = Vec::new();
    while !input.is_empty() {
        let (kind, sequence, length) = (input.u8(), input.u8(), input.u8());
        let content = input.bytes(length.into());
        line.extend(Frame::new(kind, sequence.into(), content).bytes());
    }
    line
}

fn device(line: &[u8]) {
    let mut device = Device::new();
    for byte in line {
        if let Some(received) = device.receive(*byte) {
            let id = received.id;
            device.answer(id, &Answer::Accepted);
        }
        if byte % 4 == 0 {
            let _ = device.transmit();
        }
    }
    while device.transmit().is_some() {}
    assert!(device.is_idle());
}

fn host(line: &[u8]) {
    let mut host = Host::new(7, Timing::default());
    let asked = host.submit(&Request::Identify, 0);
    assert!(asked.is_ok(), "nothing else is under way");
    let mut out = [0; 300];
    let mut answers = 0;
    for (now, part) in line.chunks(16).enumerate() {
        let now = 50 * now as u64;
        let _ = host.transmit(now, &mut out);
        host.receive(part, now);
        while host.poll(now).is_some() {
            answers += 1;
        }
    }
    while host.poll(1_000_000).is_some() {
        answers += 1;
    }
    assert!(answers <= 1, "one question was asked");
}

pub fn seeds() -> Vec<Vec<u8>> {
    let whole = |kinds: &[u8]| {
        let frames = kinds
            .iter()
            .map(|kind| [*kind, 1, 8, 0, 1, 2, 3, 4, 5, 6, 7].to_vec());
        frames.collect::<Vec<_>>().concat()
    };
    let (requests, answers): (Vec<u8>, Vec<u8>) = ((1..9).collect(), (0x81..0x89).collect());
    let odd = [&[1], whole(&requests).as_slice()].concat();
    let answered = [&[1], whole(&answers).as_slice()].concat();
    let raw = [&[0], frames(&whole(&requests)).as_slice()].concat();
    vec![odd, answered, raw]
}
